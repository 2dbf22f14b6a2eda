// Makes the controls of a request: from an example of it, and from its schema where there is one.

const SIDE = 28; // of a picture of the MNIST data set
// Longer lists, larger tables and more fields are easier to read as JSON.
const LONGEST_LIST = 40;
const MOST_CELLS = 400;
const MOST_FIELDS = 60;
const DEEPEST = 8;

// A value that fits the schema: its own example, or else the smallest one.
export function exampleOf(schema, depth = 0) {
  if (typeof schema !== "object" || schema === null || depth > DEEPEST) return null;
  for (const name of ["example", "default"]) if (name in schema) return schema[name];
  if (Array.isArray(schema.examples) && schema.examples.length) return schema.examples[0];
  if (schema.type === "array") return [exampleOf(schema.items, depth + 1)];
  if (schema.type === "object" || "properties" in schema) {
    const parts = Object.entries(schema.properties ?? {});
    return Object.fromEntries(parts.map(([name, part]) => [name, exampleOf(part, depth + 1)]));
  }
  return { number: 0, integer: 0, boolean: false, string: "" }[schema.type] ?? null;
}

// The elements for a request like this one.
export function controlsOf(example) {
  const made = [...fields(example, [])];
  return made.length > MOST_FIELDS ? labelled(example, []) : made;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isPlain = (value) => value === null || typeof value !== "object";
const isNumber = (value) => typeof value === "number";

function* fields(value, path) {
  const table = tableOf(value);
  if (isPlain(value)) yield* labelled(value, path);
  else if (isPicture(value)) yield picture(value, path);
  else if (table) yield tableElement(table, path);
  else if (isObject(value) && Object.keys(value).length && path.length < DEEPEST)
    for (const [name, part] of Object.entries(value)) yield* fields(part, [...path, name]);
  else if (isShort(value) && path.length < DEEPEST)
    for (const [index, part] of value.entries()) yield* fields(part, [...path, index]);
  else yield* labelled(value, path);
}

function isPicture(value) {
  if (!Array.isArray(value)) return false;
  const rows = value.length === SIDE && value.every((row) => Array.isArray(row) && row.length === SIDE);
  return (rows || value.length === SIDE * SIDE) && value.flat().every(isNumber);
}

// A list of plain values, or of one thing: rows of a table stay together.
function isShort(value) {
  if (!Array.isArray(value) || !value.length || value.length > LONGEST_LIST) return false;
  return value.length === 1 || value.every(isPlain);
}

// Records, or the columns and rows of pandas' orient `split`.
function tableOf(value) {
  let table = null;
  if (Array.isArray(value) && value.length > 1 && value.every(isObject)) {
    const keys = Object.keys(value[0]);
    const same = value.every((row) => Object.keys(row).join("\n") === keys.join("\n"));
    if (same) table = { place: [], keys, columns: keys, rows: value.map((row) => keys.map((key) => row[key])) };
  } else if (isObject(value) && Array.isArray(value.columns) && Array.isArray(value.data)) {
    const { columns, data } = value;
    const known = Object.keys(value).every((key) => ["columns", "index", "data"].includes(key));
    const whole = data.length && data.every((row) => Array.isArray(row) && row.length === columns.length);
    if (known && whole) table = { place: ["data"], keys: [...columns.keys()], columns: columns.map(String), rows: data };
  }
  if (!table?.columns.length || table.rows.length * table.columns.length > MOST_CELLS) return null;
  return table.rows.flat().every(isPlain) ? table : null;
}

// The path as a programmer writes it, such as `data[0][3]`.
function words(path) {
  const text = path.map((step) => (isNumber(step) ? `[${step}]` : `.${step}`)).join("");
  return text.replace(/^\./, "") || "request";
}

let count = 0;

function labelled(value, path) {
  const control = controlOf(value, path);
  control.id = `field-${count++}`;
  const label = document.createElement("label");
  label.htmlFor = control.id;
  label.textContent = words(path) + (control.dataset.kind === "json" ? " (JSON)" : "");
  return [label, control];
}

function controlOf(value, path) {
  const kind = { number: "number", string: "text", boolean: "flag" }[typeof value] ?? "json";
  // A line of text cannot show some characters, and loses them when it is edited.
  const isLine = kind !== "text" || !/\p{Cc}/u.test(value);
  const control = document.createElement("input");
  control.dataset.path = JSON.stringify(path);
  control.dataset.kind = isLine ? kind : "json";
  control.type = { number: "number", flag: "checkbox" }[kind] ?? "text";
  if (kind === "flag") control.checked = value;
  else control.value = control.dataset.kind === "json" ? JSON.stringify(value) : value;
  if (kind === "number") control.step = "any";
  return control;
}

function cloned(name) {
  return document.getElementById(name).content.firstElementChild.cloneNode(true);
}

function picture(value, path) {
  const place = cloned("picture");
  place.dataset.path = JSON.stringify(path);
  place.dataset.scale = Math.max(...value.flat()) > 1 ? 255 : 1;
  place.querySelector(".where").textContent = words(path);
  const [label, keys, pad] = [".label", ".keys", ".pad"].map((part) => place.querySelector(part));
  [label.id, keys.id] = [`label-${count}`, `keys-${count++}`];
  pad.setAttribute("aria-labelledby", label.id);
  pad.setAttribute("aria-describedby", keys.id);
  return place;
}

function tableElement({ place, keys, columns, rows }, path) {
  const element = cloned("table");
  const label = element.querySelector(".label");
  label.id = `label-${count++}`;
  label.textContent = words(path);
  element.setAttribute("aria-labelledby", label.id);
  element.dataset.rows = JSON.stringify([...path, ...place]);
  for (const column of columns) element.querySelector("thead tr").append(heading("col", column));
  for (const [number, cells] of rows.entries()) {
    const row = element.querySelector("tbody").insertRow();
    row.append(heading("row", number + 1));
    for (const [index, cell] of cells.entries()) {
      const control = controlOf(cell, [...path, ...place, number, keys[index]]);
      control.setAttribute("aria-label", columns[index]);
      row.insertCell().append(control);
    }
  }
  return element;
}

function heading(scope, text) {
  const made = document.createElement("th");
  made.scope = scope;
  made.textContent = text;
  return made;
}
