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
