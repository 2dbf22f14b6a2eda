// The form of a request. The JSON in the text area is what is sent; the controls change parts of it.

import { replace } from "./live.js";
import { bodyOf, connect, preview } from "./shared/form.js";

const form = document.getElementById("try");
const body = document.getElementById("body");
const bytes = document.getElementById("bytes");
const sending = document.getElementById("sending");
const { equip, changed } = connect(body);

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
    equip(fresh);
  }
}

// The bytes of a file, or a form with it: lmd ui sends them on as they are.
async function sendFile() {
  const [file] = bytes.files;
  const part = document.getElementById("part").value;
  if (!file) {
    sending.textContent = "Choose a file first.";
    return;
  }
  await post(bodyOf(file, part), { "x-file": encodeURIComponent(file.name), "x-part": encodeURIComponent(part) });
}

form.addEventListener("submit", send);
form.addEventListener("input", changed);
preview(bytes);
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
equip(document.getElementById("fields"));
