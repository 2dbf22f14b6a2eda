// A field to draw a digit on. What is drawn becomes 28 by 28 pixels as in MNIST: the digit fills a square of 20 pixels,
// and its centre of mass is that of the picture.

const SIDE = 28;
const BOX = 20;
const PEN = 20; // of the 280 pixels of the field
const STEP = 10;

export function draw(place, value, changed) {
  const pad = place.querySelector(".pad");
  const seen = place.querySelector(".seen");
  const dot = place.querySelector(".dot");
  const scale = Number(place.dataset.scale);
  const pen = pad.getContext("2d", { willReadFrequently: true });
  let at = [pad.width / 2, pad.height / 2];
  let down = false;

  pen.lineWidth = PEN;
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = "#fff";
  if (Array.isArray(value)) show(seen, value.flat(), scale);

  // Where the pen is, for who moves it with keys.
  function mark() {
    dot.hidden = false;
    dot.style.left = `${(100 * at[0]) / pad.width}%`;
    dot.style.top = `${(100 * at[1]) / pad.height}%`;
    dot.classList.toggle("down", down);
  }

  function line(to) {
    pen.beginPath();
    pen.moveTo(...at);
    pen.lineTo(...to);
    pen.stroke();
    at = to;
  }

  function ended() {
    const pixels = shrink(pad, pen);
    const scaled = pixels.map((pixel) => (scale === 1 ? Math.round(pixel * 1000) / 1000 : Math.round(pixel * scale)));
    show(seen, scaled, scale);
    const rows = Array.from({ length: SIDE }, (_, row) => scaled.slice(row * SIDE, (row + 1) * SIDE));
    changed(Array.isArray(value?.[0]) ? rows : scaled);
  }

  function placeOf(event) {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) * pad.width) / box.width, ((event.clientY - box.top) * pad.height) / box.height];
  }

  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    at = placeOf(event);
    down = true;
    dot.hidden = true;
    line(at);
  });
  pad.addEventListener("pointermove", (event) => down && line(placeOf(event)));
  for (const name of ["pointerup", "pointercancel"]) {
    pad.addEventListener(name, () => {
      if (!down) return;
      down = false;
      ended();
    });
  }
  pad.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
    if (event.key in moves) {
      const [x, y] = moves[event.key];
      const to = [Math.min(Math.max(at[0] + x, 0), pad.width), Math.min(Math.max(at[1] + y, 0), pad.height)];
      if (down) line(to);
      at = to;
      if (down) ended();
    } else if (event.key === " ") {
      down = !down;
      if (down) line(at);
      if (down) ended();
    } else if (event.key === "Delete") {
      clear();
    } else {
      return;
    }
    mark();
    event.preventDefault();
  });
  place.querySelector("[data-clear]").addEventListener("click", clear);

  function clear() {
    pen.clearRect(0, 0, pad.width, pad.height);
    down = false;
    dot.hidden = true;
    at = [pad.width / 2, pad.height / 2];
    ended();
  }
}

// The brightness of 784 pixels, from 0 to 1.
function shrink(pad, pen) {
  const { width, height } = pad;
  const ink = pen.getImageData(0, 0, width, height).data;
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!ink[(y * width + x) * 4 + 3]) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  if (right < 0) return new Array(SIDE * SIDE).fill(0);
  const [wide, high] = [right - left + 1, bottom - top + 1];
  const factor = BOX / Math.max(wide, high);
  const size = [wide * factor, high * factor];
  const small = copy(pad, [left, top, wide, high], [(SIDE - size[0]) / 2, (SIDE - size[1]) / 2, ...size]);
  const [x, y] = centre(small);
  const moved = [(SIDE - size[0]) / 2 + SIDE / 2 - x, (SIDE - size[1]) / 2 + SIDE / 2 - y].map(Math.round);
  return copy(pad, [left, top, wide, high], [...moved, ...size]);
}

function copy(pad, from, to) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.imageSmoothingQuality = "high";
  pen.drawImage(pad, ...from, ...to);
  const { data } = pen.getImageData(0, 0, SIDE, SIDE);
  return Array.from({ length: SIDE * SIDE }, (_, index) => data[index * 4 + 3] / 255);
}

function centre(pixels) {
  let [x, y, sum] = [0, 0, 0];
  pixels.forEach((pixel, index) => {
    x += pixel * ((index % SIDE) + 0.5);
    y += pixel * (Math.floor(index / SIDE) + 0.5);
    sum += pixel;
  });
  return sum ? [x / sum, y / sum] : [SIDE / 2, SIDE / 2];
}

function show(canvas, pixels, scale) {
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(SIDE, SIDE);
  pixels.forEach((pixel, index) => {
    const light = Math.round((255 * pixel) / scale);
    image.data.set([light, light, light, 255], index * 4);
  });
  pen.putImageData(image, 0, 0);
}
