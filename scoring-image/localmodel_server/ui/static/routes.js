// Every route of the server's OpenAPI document, each with a form that calls it.

import { exampleOf } from "./controls.js";

const HAS_BODY = ["post", "put", "patch"];
let count = 0;

function made(tag, properties = {}, ...inside) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...inside);
  return element;
}

// The elements for a document. `printable` makes what others wrote readable.
export function routesOf({ paths }, printable) {
  const all = Object.entries(paths ?? {}).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => route(path, method, operation, printable)),
  );
  return all;
}

function route(path, method, operation, printable) {
  const form = made("form");
  const parameters = (operation.parameters ?? []).filter((one) => ["path", "query"].includes(one.in));
  const inputs = parameters.map((one) => [one, labelled(form, printable(one.name), made("input", inputOf(one)))]);
  const [body, type] = HAS_BODY.includes(method) ? bodyOf(operation) : [null, ""];
  const text = body === null ? null : labelled(form, "Body", made("textarea", { rows: 4, value: body, spellcheck: false }));
  const [status, answer] = [made("span", { className: "small" }), made("pre", { className: "code", hidden: true, tabIndex: 0 })];
  status.setAttribute("role", "status");
  answer.setAttribute("role", "region");
  answer.setAttribute("aria-label", printable(`Answer of ${path}`));
  form.append(made("p", { className: "buttons" }, made("button", { className: "quiet", textContent: "Call it" }), status), answer);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const request = { method: method.toUpperCase(), cache: "no-store" };
    if (text) Object.assign(request, { body: text.value, headers: { "content-type": type } });
    try {
      const said = await fetch(addressOf(path, inputs), request);
      const words = await said.text();
      status.textContent = `${said.status} ${said.statusText}`;
      answer.textContent = printable(words);
      answer.hidden = !words;
    } catch {
      status.textContent = "The server does not answer. Does it still run?";
    }
  });
  const title = made("summary", {}, made("code", { textContent: printable(`${method.toUpperCase()} ${path}`) }));
  const words = made("p", { className: "small", textContent: printable(operation.description ?? operation.summary ?? "") });
  return made("details", {}, title, words, form);
}

function inputOf({ required, schema }) {
  return { type: "text", required: Boolean(required), value: schema?.default ?? "" };
}

// An example of the body, and its type.
function bodyOf(operation) {
  const content = operation.requestBody?.content ?? {};
  const [type] = Object.keys(content);
  const example = exampleOf(content[type]?.schema);
  return [example === null ? "" : JSON.stringify(example), type && !type.includes("*") ? type : "application/json"];
}

function labelled(form, name, control) {
  control.id = `route-${count++}`;
  form.append(made("p", {}, made("label", { htmlFor: control.id, textContent: `${name}: ` }), control));
  return control;
}

// Relative to the page's own, so that a prefix of the server's addresses stays.
function addressOf(path, inputs) {
  let address = `.${path}`;
  const query = new URLSearchParams();
  for (const [one, { value }] of inputs) {
    if (one.in === "path") address = address.replace(`{${one.name}}`, encodeURIComponent(value));
    else if (value) query.set(one.name, value);
  }
  return query.size ? `${address}?${query}` : address;
}
