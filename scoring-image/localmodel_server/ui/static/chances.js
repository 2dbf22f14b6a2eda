// Bars for the probabilities in an answer: lists of numbers from 0 to 1 that sum to 1, also under names.

const ROUNDED = 0.011; // how far from 1 the sum of rounded numbers may be: 0.33 three times
const MOST_LISTS = 10;
const MOST_BARS = 20;
const DEEPEST = 6;
const MOST_PLACES = 2000;
const SVG = "http://www.w3.org/2000/svg";

// The tables for the text of an answer; none where it is not JSON. `printable` makes what others wrote readable.
export function chancesOf(text, printable) {
  let value;
  try {
    value = JSON.parse(text);
    if (typeof value === "string") value = JSON.parse(value); // many scripts return json.dumps() of their answer
  } catch {
    return [];
  }
  const found = [];
  for (const [path, pairs] of places(value)) {
    if (found.length === MOST_LISTS) break;
    if (areChances(pairs, text)) found.push(table(path, pairs, printable));
  }
  return found;
}

// Every list and object with its path, from the outside in.
function places(value) {
  const all = [["", value, 0]];
  for (const [path, part, depth] of all) {
    if (depth >= DEEPEST) continue;
    const inner = Object.entries(part ?? {}).slice(0, Math.max(MOST_PLACES - all.length, 0));
    for (const [name, item] of inner) {
      const step = Array.isArray(part) ? `[${name}]` : `${path && "."}${name}`;
      if (typeof item === "object" && item !== null) all.push([path + step, item, depth + 1]);
    }
  }
  return all.filter(([, part]) => typeof part === "object" && part !== null).map(([path, part]) => [path, Object.entries(part)]);
}

function areChances(pairs, text) {
  const values = pairs.map(([, value]) => value);
  if (!values.every((value) => typeof value === "number")) return false;
  const sum = values.reduce((all, value) => all + value, 0);
  // Whole numbers alone are classes or counts, but JavaScript does not tell 1.0 from 1.
  const isFine = values.length > 1 && values.every((value) => value >= 0 && value <= 1);
  return isFine && Math.abs(sum - 1) <= ROUNDED && (values.some((value) => value % 1) || /\d\.0\b/.test(text));
}

function table(path, pairs, printable) {
  const place = made("div", { className: "scroll", tabIndex: 0 });
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", printable(`Probabilities ${path}`));
  const rows = made("table", { className: "bars" });
  rows.createCaption().textContent = printable(path ? `Probabilities in ${path}` : "Probabilities");
  const few = pairs.length <= MOST_BARS;
  for (const [name, value] of few ? pairs : [...pairs].sort((one, other) => other[1] - one[1]).slice(0, MOST_BARS)) {
    const row = rows.insertRow();
    const head = made("th", { scope: "row", textContent: printable(name) });
    row.append(head);
    row.insertCell().append(bar(value));
    row.insertCell().textContent = String(Number(value.toPrecision(4)));
  }
  place.append(rows);
  if (!few) {
    const rest = `The greatest ones; ${pairs.length - MOST_BARS} others are not shown.`;
    place.append(made("p", { className: "small", textContent: rest }));
  }
  return place;
}

function bar(value) {
  const [picture, rectangle] = ["svg", "rect"].map((name) => document.createElementNS(SVG, name));
  const attributes = { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" };
  for (const [name, text] of Object.entries(attributes)) picture.setAttribute(name, text);
  rectangle.setAttribute("width", String(100 * value));
  rectangle.setAttribute("height", "10");
  picture.append(rectangle);
  return picture;
}

function made(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}
