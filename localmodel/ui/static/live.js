// Asks for the page again while somebody looks, and replaces the parts that have changed (data-live). Says if the
// connection is lost; the next answer has what was missed.

const SECONDS = 1.5;
const connection = document.getElementById("connection");
const last = new Map();

export function say(text) {
  if (connection.textContent !== text) connection.textContent = text;
}

export async function ask(address) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 20000);
  try {
    const answer = await fetch(address, { signal: abort.signal, cache: "no-store" });
    const text = await answer.text();
    if (answer.status === 401) say("lmd ui was started again: open the address that it printed.");
    else if (answer.status === 404) say("This is no longer there.");
    else if (answer.ok) say("");
    else say("This cannot be shown at the moment. Trying again.");
    return answer.ok ? text : null;
  } catch {
    say("The connection to the page is lost. Trying again. Is lmd ui still running?");
    return null;
  } finally {
    clearTimeout(timer);
  }
}

// Takes over an element of a fresh copy of the page. What was opened stays open, and the focus stays where it was.
export function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  for (const open of old.querySelectorAll("details[open][id]")) {
    const same = fresh.querySelector(`#${CSS.escape(open.id)}`);
    if (same) same.open = true;
  }
  old.replaceWith(fresh);
  tellTimes(fresh);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

async function refresh() {
  const parts = document.querySelectorAll("[data-live]");
  if (document.hidden || !parts.length) return;
  // Where only the head changes, the address that costs least has it, too: the form asks the deployment for its schema.
  const text = await ask(parts[0].dataset.source ?? location.href);
  if (text === null) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh) continue;
    const html = fresh.outerHTML;
    if (last.get(part.id) === html) continue;
    last.set(part.id, html);
    replace(part, fresh);
  }
}

const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });

function tellTimes(place) {
  for (const time of place.querySelectorAll("time[datetime]")) {
    const moment = Date.parse(time.dateTime);
    if (Number.isNaN(moment)) continue;
    const passed = (Date.now() - moment) / 1000;
    const [unit, seconds] = UNITS.find(([, length]) => passed >= length) ?? ["minute", 60];
    time.title = new Date(moment).toLocaleString();
    time.textContent = passed < 60 ? "less than a minute ago" : relative.format(-Math.floor(passed / seconds), unit);
  }
}

export function repeat(work) {
  const again = async () => {
    await work();
    setTimeout(again, SECONDS * 1000);
  };
  setTimeout(again, SECONDS * 1000);
  document.addEventListener("visibilitychange", () => document.hidden || work());
}

for (const part of document.querySelectorAll("[data-live]")) last.set(part.id, part.outerHTML);
tellTimes(document);
setInterval(() => tellTimes(document), 30000);
repeat(refresh);
