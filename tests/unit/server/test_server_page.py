"""The page that a browser gets at /score."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from localmodel_server.configuration.settings import read_settings
from localmodel_server.http.page import is_visit, render
from localmodel_server.messages.contract import Contract

SETTINGS = read_settings({})
STRICT = read_settings({"LOCALMODEL_STRICT_PARITY": "true"})
EVIL = "<script>alert('1')</script>"


def scope(
    method: str = "GET", query: bytes = b"", accept: bytes = b"text/html,application/xml;q=0.9"
) -> dict[str, Any]:
    return {"method": method, "query_string": query, "headers": [(b"host", b"localhost:7"), (b"accept", accept)]}


def schema(example: object) -> Contract:
    return Contract("schema", swagger={"input": {"type": "object", "example": example}})


def test_a_browser_that_opens_the_address_visits() -> None:
    assert is_visit(scope(), SETTINGS, Contract())
    assert is_visit(scope(), SETTINGS, schema({}))


@pytest.mark.parametrize(
    ("request_", "settings", "contract"),
    [
        (scope("POST"), SETTINGS, Contract()),
        (scope(query=b"a=1"), SETTINGS, Contract()),
        (scope(accept=b"*/*"), SETTINGS, Contract()),
        (scope(accept=b"application/json"), SETTINGS, Contract()),
        (scope(), STRICT, Contract()),
        (scope(), SETTINGS, Contract("http")),
    ],
    ids=["sends", "has a query", "is curl", "wants JSON", "strict parity", "the script takes HTTP"],
)
def test_every_other_request_is_the_scripts(request_: Any, settings: Any, contract: Contract) -> None:
    assert not is_visit(request_, settings, contract)


def test_it_says_how_to_ask_with_the_schemas_example() -> None:
    page = html.unescape(
        render("localhost:7", "3", "churn:1@sha256:ab", SETTINGS, schema({"data": [[1, None]]})).decode()
    )
    assert """curl -H 'content-type: application/json' -d '{"data": [[1, null]]}' http://localhost:7/score""" in page
    assert "requests.post('http://localhost:7/score', json={'data': [[1, None]]})" in page
    assert "Revision 3 serves with churn:1." in page and "sha256" not in page


def test_behind_a_proxy_it_says_the_address_that_the_client_knows() -> None:
    behind = read_settings({"SERVICE_PATH_PREFIX": "/team/churn"})
    page = html.unescape(render("ml.example", "3", "", behind, Contract(), "https").decode())
    assert "https://ml.example/team/churn/score" in page


def test_without_a_schema_the_request_is_a_file() -> None:
    page = html.unescape(render("localhost:7", "3", "", SETTINGS, Contract()).decode())
    assert "-d @request.json http://localhost:7/score" in page and "open('request.json')" in page


def test_a_long_example_is_left_out() -> None:
    assert b"@request.json" in render("h", "1", "", SETTINGS, schema({"data": [[0.123456] * 784]}))


def test_nothing_of_others_is_markup() -> None:
    page = render(
        EVIL, EVIL, f"{EVIL}:1@sha256:ab", read_settings({"SERVICE_NAME": EVIL}), schema({"data": [EVIL, "' \""]})
    ).decode()
    assert EVIL not in page and "&lt;script&gt;" in page
    tags = set(re.findall(r"<(\w+)", page))
    assert tags <= {"html", "meta", "title", "style", "h1", "h2", "p", "pre", "ul", "li", "a"}
