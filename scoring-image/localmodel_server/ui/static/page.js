// The page of one deployment: sends a request to it, and shows the answer.

import { chancesOf } from "./chances.js";
import { controlsOf, exampleOf } from "./controls.js";
import { bodyOf, connect, preview } from "./form.js";
import { routesOf } from "./routes.js";
import { JSON_TYPE, ofBody, ofFile } from "./snippets.js";

const SECONDS = 3;
const LONGEST_SHOWN = 200000; // characters
const [body, bytes, fields, part, sending] = ["body", "bytes", "fields", "part", "sending"].map(byId);
const { equip, changed } = connect(body);

function byId(id) {
  return document.getElementById(id);
}

function say(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

// What would turn the direction of the text, or hide in it, is shown as its number.
function printable(text) {
  const hidden = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  const shown = text.slice(0, LONGEST_SHOWN).replace(hidden, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return text.length > LONGEST_SHOWN ? `${shown}\n… and ${text.length - LONGEST_SHOWN} more characters` : shown;
}

function show(request) {
  body.value = request;
  let made = [];
  try {
    made = controlsOf(JSON.parse(request));
  } catch {
    // it is shown as it is
  }
  fields.replaceChildren(...made);
  equip(fields);
  byId("as-json").open = fields.hidden;
}

async function described(address) {
  const answer = await fetch(address);
  return answer.ok ? await answer.json() : {};
}

// What the deployment is called, and the sample of a request that its document has.
async function begin() {
  const { info } = await described("openapi.json");
  if (typeof info?.title === "string") {
    say("name", printable(info.title));
    document.title = `${printable(info.title)} – LocalModelDeployment`;
  }
  const sample = exampleOf((await described("swagger.json")).definitions?.ServiceInput);
  if (!isNone(sample)) show(JSON.stringify(sample));
}

function isNone(sample) {
  return sample === null || (typeof sample === "object" && !Object.keys(sample).length);
}

const score = new URL("score", location.href).href;

async function post(content, headers, code) {
  sending.textContent = "sending …";
  const begun = performance.now();
  try {
    const answer = await fetch("score", { method: "POST", body: content, headers });
    const blob = await answer.blob();
    const milliseconds = Math.round((performance.now() - begun) * 10) / 10;
    await tell(answer, blob, milliseconds, code);
    sending.textContent = "";
  } catch {
    sending.textContent = "The server does not answer. Does it still run?";
  }
}

async function tell(answer, blob, milliseconds, code) {
  const revision = answer.headers.get("x-localmodel-revision");
  const type = answer.headers.get("content-type") ?? "";
  const isText = type.includes("json") || type.startsWith("text/");
  say("status", String(answer.status));
  byId("status").className = `badge ${answer.ok ? "running" : "failed"}`;
  say("took", `${revision ? `revision ${printable(revision)}, ` : ""}${milliseconds} ms`);
  const text = isText || !blob.size ? await blob.text() : `${blob.size} bytes of ${type}`;
  say("answer-body", printable(text));
  byId("chances").replaceChildren(...(answer.ok && type.includes("json") ? chancesOf(text, printable) : []));
  for (const [language, snippet] of Object.entries(code)) say(language, printable(snippet));
  list("headers", [...answer.headers]);
  byId("nothing").hidden = true;
  byId("answered").hidden = false;
}

function list(id, pairs) {
  const rows = pairs.map(([name, value]) => {
    const [row, term, text] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    [term.textContent, text.textContent] = [printable(name), printable(value)];
    row.append(term, text);
    return row;
  });
  byId(id).replaceChildren(...rows);
}

async function look() {
  let text = "The server does not answer. Does it still run?";
  let works = false;
  try {
    const answer = await fetch("readyz", { cache: "no-store" });
    const said = await answer.json();
    works = answer.ok;
    text = works ? (said.revision ? `revision ${said.revision}` : "") : said.message;
    if (byId("figures").open) list("counted", figures(await (await fetch("metrics")).text()));
  } catch {
    // it is said already
  }
  say("badge", works ? "serving" : "not serving");
  byId("badge").className = `badge ${works ? "serving" : "failed"}`;
  say("state", printable(text));
}

// What is shown of the figures for Prometheus.
function figures(text) {
  const sums = { requests: 0, errors: 0, seconds: 0, waiting: 0, memory: 0 };
  for (const [, name, labels, value] of text.matchAll(/^(localmodel_\w+)(?:\{(.*)\})? (\S+)/gm)) {
    if (name === "localmodel_requests_total") {
      sums.requests += Number(value);
      if (/status="[45]/.test(labels)) sums.errors += Number(value);
    }
    if (name === "localmodel_request_duration_seconds_sum" && labels === 'stage="total"') sums.seconds += Number(value);
    if (name === "localmodel_queue_depth") sums.waiting += Number(value);
    if (name === "localmodel_memory_bytes") sums.memory += Number(value);
  }
  const mean = sums.requests ? `${((1000 * sums.seconds) / sums.requests).toFixed(1)} ms` : "–";
  return [
    ["Requests", String(sums.requests)],
    ["Errors", String(sums.errors)],
    ["Mean time", mean],
    ["Waiting", String(sums.waiting)],
    ["Memory", `${Math.round(sums.memory / 1e6)} MB`],
  ];
}

byId("try").addEventListener("submit", async (event) => {
  event.preventDefault();
  const sent = body.value;
  await post(sent, { "content-type": JSON_TYPE }, ofBody(score, sent));
  if (fields.hidden) show(sent);
});
byId("try").addEventListener("input", changed);
byId("try").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) byId("try").requestSubmit();
});
byId("send-file").addEventListener("click", async () => {
  const [file] = bytes.files;
  if (!file) {
    sending.textContent = "Choose a file first.";
    return;
  }
  const type = file.type || "application/octet-stream";
  const headers = part.value ? {} : { "content-type": type };
  await post(bodyOf(file, part.value), headers, ofFile(score, file, type, part.value));
});
byId("file").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (file) show(await file.text());
});
byId("digit").addEventListener("click", () => {
  show(JSON.stringify({ data: [new Array(784).fill(0)] }));
  fields.querySelector(".pad").focus();
});
byId("figures").addEventListener("toggle", () => byId("figures").open && look());
byId("routes").addEventListener("toggle", async () => {
  const place = byId("operations");
  if (byId("routes").open && !place.children.length) place.append(...routesOf(await described("openapi.json"), printable));
});
preview(bytes);
begin().catch(() => {}); // the state says it
look();
setInterval(() => document.hidden || look(), SECONDS * 1000);
