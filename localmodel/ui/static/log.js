// Follows the log: adds what is new at its end, and stays at the end while the reader is there.

import { ask, repeat } from "./live.js";

const log = document.getElementById("log");

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 30;
}

function show(text) {
  const old = log.textContent;
  if (text === old) return;
  const follows = isAtEnd();
  // What is marked in it stays marked when something is only added.
  if (text.startsWith(old)) log.append(text.slice(old.length));
  else log.textContent = text;
  if (follows) log.scrollTop = log.scrollHeight;
}

log.scrollTop = log.scrollHeight;
repeat(async () => {
  if (document.hidden) return;
  const text = await ask(log.dataset.source);
  if (text !== null) show(text);
});
