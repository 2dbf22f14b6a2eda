// Sends a file or a folder as a tar, tells how far it is, and leads to the model that it has become.

const BLOCK = 512;
const utf8 = new TextEncoder();
const form = document.getElementById("upload");
const [name, bar, told] = ["upload-name", "upload-bar", "upload-told"].map((id) => document.getElementById(id));
const inputs = [...form.querySelectorAll("input[type=file]")];

// Long names and large sizes have records of their own (pax), whose length counts its own digits.
function record(key, value) {
  const rest = utf8.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function header(type, size) {
  const block = new Uint8Array(BLOCK);
  const put = (text, at) => block.set(utf8.encode(text), at);
  const octal = (value, digits) => `${value.toString(8).padStart(digits, "0")}\0`;
  put("named in the record before", 0);
  put(octal(0o644, 7), 100);
  put(octal(Math.min(size, 8 ** 11 - 1), 11), 124);
  put(octal(0, 11), 136);
  put(`        ${type}`, 148); // the sum counts its own place as spaces
  put("ustar\x0000", 257);
  put(`${octal(block.reduce((sum, byte) => sum + byte, 0), 6)} `, 148);
  return block;
}

function padded(size) {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

function tar(files) {
  const parts = [];
  for (const file of files) {
    const records = utf8.encode(record("path", file.webkitRelativePath || file.name) + record("size", file.size));
    parts.push(header("x", records.length), records, padded(records.length));
    parts.push(header("0", file.size), file, padded(file.size));
  }
  return new Blob([...parts, new Uint8Array(2 * BLOCK)]);
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

function send(content) {
  const request = new XMLHttpRequest(); // fetch() does not tell how far it is
  request.open("POST", form.getAttribute("action"));
  request.setRequestHeader("x-name", encodeURIComponent(name.value));
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = loaded / total;
    told.textContent = loaded < total ? `${megabytes(loaded)} of ${megabytes(total)} MB` : "registering …";
  });
  request.addEventListener("load", () => {
    if (request.status === 200) {
      const made = JSON.parse(request.responseText);
      location.assign(`/models/${encodeURIComponent(made.name)}#version-${made.version}`);
      return;
    }
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    end(page.querySelector("main .problem")?.textContent ?? `status ${request.status}`);
  });
  request.addEventListener("error", () => end("The connection was lost, or a file has changed meanwhile. Nothing was registered."));
  request.send(content);
  bar.hidden = false;
  form.querySelector("button").disabled = true;
}

function end(text) {
  told.textContent = text;
  bar.hidden = true;
  form.querySelector("button").disabled = false;
}

form.addEventListener("change", ({ target }) => {
  if (!inputs.includes(target) || !target.files.length) return;
  for (const other of inputs) if (other !== target) other.value = "";
  const [file] = target.files;
  const whole = file.webkitRelativePath.split("/")[0] || file.name.replace(/(.)\.[^.]*$/, "$1");
  name.value ||= whole.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const files = inputs.flatMap((input) => [...input.files]);
  if (files.length) send(tar(files));
  else told.textContent = "Choose a file or a folder first.";
});
