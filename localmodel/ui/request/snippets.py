"""A request as a command and as code, to be copied."""

import json
import shlex
from dataclasses import dataclass

_HEADER = "content-type: application/json"


@dataclass(frozen=True)
class Snippet:
    """A text in a language."""

    language: str
    text: str


def of(url: str, body: str) -> list[Snippet]:
    """The request with this body to this address, in the languages that are asked for most."""
    python = f"import requests\n\nanswer = requests.post(\n    {url!r},\n    data={body!r},\n"
    python += "    headers={'content-type': 'application/json'},\n)\nprint(answer.status_code, answer.text)\n"
    script = f"const answer = await fetch({json.dumps(url)}, {{\n  method: 'POST',\n"
    script += f"  headers: {{'content-type': 'application/json'}},\n  body: {json.dumps(body)},\n}});\n"
    script += "console.log(answer.status, await answer.text());\n"
    return [
        Snippet("curl", shlex.join(["curl", "-H", _HEADER, "-d", body, url]) + "\n"),
        Snippet("Python", python),
        Snippet("JavaScript", script),
    ]


@dataclass(frozen=True)
class File:
    """A file that is sent: as the body, or as the part of a form that has this name."""

    name: str
    content_type: str
    part: str = ""


def of_file(url: str, file: File) -> list[Snippet]:
    """The request with a file to this address."""
    name, kind = file.name, file.content_type
    if file.part:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        curl = ["curl", "-F", f'{file.part}=@"{quoted}"', url]
        sent = f"files={{{file.part!r}: file}}"
        script = f"const form = new FormData();\nform.append({json.dumps(file.part)}, file);\n"
        body, headers = "form", ""
    else:
        curl = ["curl", "-H", f"content-type: {kind}", "--data-binary", f"@{name}", url]
        sent = f"data=file, headers={{'content-type': {kind!r}}}"
        script, body, headers = "", "file", f"  headers: {{'content-type': {json.dumps(kind)}}},\n"
    python = f"import requests\n\nwith open({name!r}, 'rb') as file:\n"
    python += f"    answer = requests.post({url!r}, {sent})\nprint(answer.status_code, answer.text)\n"
    script = "const [file] = document.querySelector('input[type=file]').files;\n" + script
    script += f"const answer = await fetch({json.dumps(url)}, {{\n  method: 'POST',\n{headers}  body: {body},\n}});\n"
    script += "console.log(answer.status, await answer.text());\n"
    return [Snippet("curl", shlex.join(curl) + "\n"), Snippet("Python", python), Snippet("JavaScript", script)]
