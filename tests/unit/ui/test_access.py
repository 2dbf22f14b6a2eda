"""Who may ask the page: a table of requests and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from localmodel.ui.access import Access, Asked

OWN = "http://127.0.0.1:6780"


@pytest.fixture
def access() -> Access:
    return Access(6780)


def visit(access: Access, **fields: str) -> Asked:
    """A request of somebody who has opened the page."""
    asked = Asked("GET", "/deployments", "127.0.0.1:6780", cookie=access.token)
    return replace(asked, **fields)


def token(address: str) -> str:
    (value,) = parse_qs(urlsplit(address).query)["token"]
    return value


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"cookie": ""}, 401),
        ({"cookie": "wrong"}, 401),
        ({"cookie": "wröng"}, 401),
        ({"cookie": "", "path": "/static/style.css"}, 200),
        # names that lead here
        ({"host": "evil.example:6780"}, 421),
        ({"host": "127.0.0.1:6780.evil.example"}, 421),
        ({"host": "127.0.0.1"}, 421),
        ({"host": "127.0.0.1:6789"}, 421),
        ({"host": ""}, 421),
        ({"host": "evil.example", "path": "/static/style.css"}, 421),
        ({"host": "localhost:6780"}, 307),
        ({"host": "localhost:6780", "method": "POST"}, 421),
        # pages that send
        ({"method": "POST", "origin": OWN}, 200),
        ({"method": "POST"}, 403),
        ({"method": "POST", "origin": "null"}, 403),
        ({"method": "POST", "origin": "http://evil.example"}, 403),
        ({"method": "POST", "origin": "http://127.0.0.1:6789"}, 403),
        ({"method": "POST", "origin": "http://localhost:6780"}, 403),
        ({"method": "POST", "origin": OWN, "site": "cross-site"}, 403),
        ({"method": "PUT", "origin": ""}, 403),
        ({"method": "POST", "origin": OWN, "cookie": ""}, 401),
        # pages that look
        ({"site": "same-origin"}, 200),
        ({"site": "none", "mode": "navigate"}, 200),
        ({"site": "cross-site", "mode": "navigate"}, 200),
        ({"site": "cross-site", "mode": "no-cors"}, 403),
        ({"site": "same-site", "mode": "cors"}, 403),
    ],
)
def test_the_table(access: Access, fields: dict[str, str], status: int) -> None:
    verdict = access.judge(visit(access, **fields))
    assert verdict.status == status
    assert bool(verdict.why) == (status in (401, 403, 421))


def test_the_printed_address_opens_the_page_as_often_as_one_likes(access: Access) -> None:
    asked = visit(access, cookie="", token=token(access.address("/deployments/digits")))
    assert [access.judge(asked).status for _ in range(2)] == [303, 303]
    assert access.judge(replace(asked, token="wrong")).status == 401
    assert access.judge(replace(asked, host="evil.example")).status == 421


def test_the_address_of_a_command_line_works_once(access: Access) -> None:
    address = access.single_use("/deployments/digits")
    assert access.token not in address
    asked = visit(access, cookie="", token=token(address))
    assert [access.judge(asked).status for _ in range(2)] == [303, 401]


def test_nothing_is_changed_in_a_page_that_is_read_only() -> None:
    access = Access(6780, read_only=True)
    sends = visit(access, method="POST", origin=OWN)
    assert access.judge(replace(sends, path="/deployments/digits/rollback")).status == 403
    assert access.judge(replace(sends, path="/deployments/digits/try")).status == 200
    assert access.judge(visit(access)).status == 200


def test_a_browser_leaves_out_the_usual_port() -> None:
    access = Access(80)
    assert access.address("/deployments").startswith("http://127.0.0.1/deployments?")
    assert access.judge(visit(access, host="127.0.0.1")).status == 200
    assert access.judge(visit(access, host="localhost")).status == 307
    assert access.judge(visit(access, host="127.0.0.1", method="POST", origin="http://127.0.0.1")).status == 200
    assert access.judge(visit(access, host="evil.example")).status == 421


def test_two_pages_have_different_tokens_and_cookies() -> None:
    one, other = Access(6780), Access(6781)
    assert one.token != other.token and one.cookie != other.cookie
