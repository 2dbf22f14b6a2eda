// A request as a command and as code, to be copied.

export const JSON_TYPE = "application/json";

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

function command(...words) {
  return ["curl", ...words].map(quoted).join(" ");
}

// A JSON text is also one in Python and in JavaScript.
const literal = JSON.stringify;
const TOLD = { python: "print(answer.status_code, answer.text)\n", javascript: "console.log(answer.status, await answer.text());\n" };

// The request with this body to this address.
export function ofBody(address, body) {
  const headers = `{"content-type": "${JSON_TYPE}"}`;
  const [where, what] = [literal(address), literal(body)];
  return {
    curl: command("-H", `content-type: ${JSON_TYPE}`, "-d", body, address),
    python: `import requests\n\nanswer = requests.post(\n    ${where},\n    data=${what}.encode(),\n    headers=${headers},\n)\n${TOLD.python}`,
    javascript: `const answer = await fetch(${where}, {\n  method: "POST",\n  headers: ${headers},\n  body: ${what},\n});\n${TOLD.javascript}`,
  };
}

// The request with a file to this address: as the body, or as the part of a form that has this name.
export function ofFile(address, file, type, part) {
  const [where, name] = [literal(address), literal(file.name)];
  const escaped = file.name.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  const words = part ? ["-F", `${part}=@"${escaped}"`] : ["-H", `content-type: ${type}`, "--data-binary", `@${file.name}`];
  const sent = part ? `files={${literal(part)}: file}` : `data=file, headers={"content-type": ${literal(type)}}`;
  const form = part ? `const form = new FormData();\nform.append(${literal(part)}, file);\n` : "";
  const content = part ? "  body: form,\n" : `  headers: {"content-type": ${literal(type)}},\n  body: file,\n`;
  return {
    curl: command(...words, address),
    python: `import requests\n\nwith open(${name}, "rb") as file:\n    answer = requests.post(${where}, ${sent})\n${TOLD.python}`,
    javascript: `const [file] = document.querySelector("input[type=file]").files;\n${form}const answer = await fetch(${where}, {\n  method: "POST",\n${content}});\n${TOLD.javascript}`,
  };
}
