// The controls of a request: each changes the part of the JSON in the text area that its path names.

import { draw } from "./draw.js";
import { equip as equipTable } from "./table.js";

// JavaScript would round such a number, and it is somebody's.
const LONG_NUMBER = /\d{16}/;

function at(value, path) {
  return path.reduce((part, step) => part?.[step], value);
}

function read(control) {
  if (control.dataset.kind === "flag") return control.checked;
  if (control.dataset.kind === "number") return control.value === "" ? null : Number(control.value);
  return control.dataset.kind === "json" ? JSON.parse(control.value) : control.value;
}

// `equip` makes the controls in `fields` work; `changed` is what a control does when somebody has changed it.
export function connect(body) {
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

  function changed({ target: control }) {
    if (!control.dataset.kind) return;
    try {
      change(JSON.parse(control.dataset.path), read(control));
      control.setCustomValidity("");
    } catch (error) {
      control.setCustomValidity(`This is not JSON: ${error.message}`);
    }
  }

  function equip(fields) {
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

  return { equip, changed };
}

// Shows the file that is chosen, if it is a picture.
export function preview(input) {
  const image = document.createElement("img");
  image.alt = "The picture that is sent";
  image.className = "preview";
  image.addEventListener("error", () => image.remove());
  input.addEventListener("change", () => {
    URL.revokeObjectURL(image.src);
    image.remove();
    const [file] = input.files;
    if (!file?.type.startsWith("image/")) return;
    image.src = URL.createObjectURL(file);
    input.parentElement.after(image);
  });
}

// The body of a request with the file: its bytes, or a form in which it has a name.
export function bodyOf(file, part) {
  if (!part) return file;
  const content = new FormData();
  content.append(part, file);
  return content;
}
