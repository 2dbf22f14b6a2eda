"""The page that a browser gets at /score: it sends no data to score, so it is told how to ask."""

from __future__ import annotations

import html
import json
import shlex

from starlette.types import Scope

from localmodel_server.configuration.settings import Settings
from localmodel_server.messages.call import Headers
from localmodel_server.messages.contract import Contract

HEADERS: Headers = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Accept"),
]
_LONGEST_EXAMPLE = 2000

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{name}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 48em; margin: 3em auto; padding: 0 1em }}
pre {{ background: #f3f3f3; padding: 1em; overflow-x: auto }}
</style>
<h1>{name}</h1>
<p>{serves} Requests are sent with POST; opening the address in a browser sends no data to score.</p>
<h2>From a shell</h2>
<pre>{shell}</pre>
<h2>From Python</h2>
<pre>{python}</pre>
<h2>What it takes and returns</h2>
<ul>
<li><a href="ui">ui</a>: a form that sends requests, and shows the answers
<li><a href="swagger.json">swagger.json</a>, as Azure ML's clients read it
<li><a href="openapi.json">openapi.json</a>: every route, with the other protocols
<li><a href="metrics">metrics</a>: requests, errors and durations, for Prometheus
</ul>
"""


def is_visit(scope: Scope, settings: Settings, contract: Contract) -> bool:
    """Whether a request to /score is a browser's that opens the address.

    Under strict parity, and where the script takes whole HTTP requests, it is the script's as any other.
    """
    if scope["method"] != "GET" or scope["query_string"] or settings.strict or contract.mode == "http":
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def render(host: str, revision: str, model: str, settings: Settings, contract: Contract, scheme: str = "http") -> bytes:
    """The page. `host` is what the client calls this server, with its port, and `scheme` how."""
    address = f"{scheme}://{host or 'localhost'}{settings.service_path_prefix}/score"
    example = _example(contract)
    body = "@request.json" if example is None else json.dumps(example)
    command = ["curl", "-H", "content-type: application/json", "-d", body, address]
    value = "json.load(open('request.json'))" if example is None else repr(example)
    program = [
        *(["import json"] if example is None else []),
        f"import requests\n\nanswer = requests.post({address!r}, json={value})",
        "print(answer.status_code, answer.text)",
    ]
    names = ", ".join(reference.partition("@")[0] for reference in model.split(",") if reference)
    serves = f"Revision {revision} serves{f' with {names}' if names else ''}."
    texts = {
        "name": settings.service_name,
        "serves": serves,
        "shell": shlex.join(command),
        "python": "\n".join(program),
    }
    return _PAGE.format_map({name: html.escape(text) for name, text in texts.items()}).encode(errors="replace")


def _example(contract: Contract) -> object:
    """The body that the schema gives as an example; None without one, and for one that is too long to be read."""
    declared = contract.swagger.get("input") if contract.mode == "schema" else None
    example: object = declared.get("example") if isinstance(declared, dict) else None
    return example if len(json.dumps(example)) <= _LONGEST_EXAMPLE else None
