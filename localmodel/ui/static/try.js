// The form of a request. The JSON in the text area is what is sent; the controls change parts of it.

import { replace } from "./live.js";
import { draw } from "./draw.js";
import { equip as equipTable } from "./table.js";

const form = document.getElementById("try");
const body = document.getElementById("body");
const sending = document.getElementById("sending");
// JavaScript would round such a number, and it is somebody's.
const LONG_NUMBER = /\d{16}/;

function at(value, path) {
  return path.reduce((part, step) => part?.[step], value);
}

function change(path, part) {
  let value;
  try {
    value = JSON.parse(body.value);
  } catch {
    return; // the answer will say what is wrong with it
  }
  if (!path.length) {
    value = part;
  } else {
    const above = at(value, path.slice(0, -1));
    if (above === null || typeof above !== "object") return;
    above[path.at(-1)] = part;
  }
  body.value = JSON.stringify(value);
}

// Lets a change have the list at the path, and the names of its rows where pandas' orient is `split`.
function edit(path, work) {
  let value;
  try {
    value = JSON.parse(body.value);
  } catch {
    return false;
  }
  const list = at(value, path);
  if (!Array.isArray(list) || !list.length) return false;
  const { index } = at(value, path.slice(0, -1));
  work(list, path.at(-1) === "data" && Array.isArray(index) && index.length === list.length ? index : undefined);
  body.value = JSON.stringify(value);
  return true;
}

function read(control) {
  if (control.dataset.kind === "flag") return control.checked;
  if (control.dataset.kind === "number") return control.value === "" ? null : Number(control.value);
  return control.dataset.kind === "json" ? JSON.parse(control.value) : control.value;
}

function onInput(event) {
  const control = event.target;
  if (!control.dataset.kind) return;
  try {
    change(JSON.parse(control.dataset.path), read(control));
    control.setCustomValidity("");
  } catch (error) {
    control.setCustomValidity(`This is not JSON: ${error.message}`);
  }
}

function equip() {
  const fields = document.getElementById("fields");
  fields.hidden = LONG_NUMBER.test(body.value) || !fields.children.length;
  for (const table of fields.querySelectorAll("[data-rows]")) equipTable(table, edit);
  for (const picture of fields.querySelectorAll("[data-picture]")) {
    const path = JSON.parse(picture.dataset.path);
    let value = null;
    try {
      value = at(JSON.parse(body.value), path);
    } catch {
      // the controls are those of a body that was JSON
    }
    draw(picture, value, (pixels) => change(path, pixels));
  }
}

// Sends it, and shows the answer; yields the page that has it.
async function post(content, headers = {}) {
  sending.textContent = "sending …";
  try {
    const answer = await fetch(form.action, { method: "POST", body: content, headers });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["answer", "snippets"]) {
      const fresh = page.getElementById(id);
      if (fresh) replace(document.getElementById(id), fresh);
    }
    sending.textContent = answer.ok ? "" : page.querySelector("main .problem")?.textContent ?? `status ${answer.status}`;
    return page;
  } catch {
    sending.textContent = "The connection to the page is lost. Is lmd ui still running?";
    return null;
  }
}

async function send(event) {
  event.preventDefault();
  const page = await post(new URLSearchParams({ body: body.value }));
  const [fields, fresh] = [document.getElementById("fields"), page?.getElementById("fields")];
  if (fresh && (fields.hidden || fresh.dataset.shape !== fields.dataset.shape)) {
    replace(fields, fresh);
    equip();
  }
}

// The bytes of a file, or a form with it: lmd ui sends them on as they are.
async function sendFile() {
  const [file] = document.getElementById("bytes").files;
  const part = document.getElementById("part").value;
  if (!file) {
    sending.textContent = "Choose a file first.";
    return;
  }
  let content = file;
  if (part) {
    content = new FormData();
    content.append(part, file);
  }
  await post(content, { "x-file": encodeURIComponent(file.name), "x-part": encodeURIComponent(part) });
}

form.addEventListener("submit", send);
form.addEventListener("input", onInput);
document.getElementById("send-file").addEventListener("click", sendFile);
document.getElementById("file")?.addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (!file) return;
  body.value = await file.text();
  document.getElementById("as-json").open = true;
  document.getElementById("fields").hidden = true; // they are those of another request until this one is sent
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) form.requestSubmit();
});
equip();
