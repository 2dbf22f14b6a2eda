// The form of a request. The JSON in the text area is what is sent; the controls change parts of it.

import { replace } from "./live.js";
import { draw } from "./draw.js";

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

function read(control) {
  if (control.dataset.kind === "flag") return control.checked;
  if (control.dataset.kind === "number") return control.value === "" ? null : Number(control.value);
  return control.dataset.kind === "json" ? JSON.parse(control.value) : control.value;
}

function onInput(event) {
  const control = event.target;
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
  for (const control of fields.querySelectorAll("[data-kind]")) control.addEventListener("input", onInput);
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

async function send(event) {
  event.preventDefault();
  sending.textContent = "sending …";
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams({ body: body.value }) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["answer", "snippets"]) {
      const fresh = page.getElementById(id);
      if (fresh) replace(document.getElementById(id), fresh);
    }
    const [fields, fresh] = [document.getElementById("fields"), page.getElementById("fields")];
    if (fresh && (fields.hidden || fresh.dataset.shape !== fields.dataset.shape)) {
      replace(fields, fresh);
      equip();
    }
    sending.textContent = answer.ok ? "" : page.querySelector("main .problem")?.textContent ?? `status ${answer.status}`;
  } catch {
    sending.textContent = "The connection to the page is lost. Is lmd ui still running?";
  }
}

form.addEventListener("submit", send);
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
