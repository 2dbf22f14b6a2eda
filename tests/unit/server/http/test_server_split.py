"""Who is answered by the candidate: exactly the share that was asked for, and always the same clients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localmodel_server.http.split import Split, goes_to_candidate

SALT = "sha256:5f1c"
CLIENTS = [f"client-{number}".encode() for number in range(20_000)]
NAMES: dict[str, Callable[[int], bytes]] = {
    "numbered": lambda number: b"%d" % number,
    "addresses": lambda number: b"10.0.%d.%d" % divmod(number, 256),
    "the same end": lambda number: b"%d@example.org" % number,
}


def moved(split: Split, client: bytes) -> bool:
    return goes_to_candidate(split, "r", [(b"accept", b"*/*"), (b"x-user", client)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("percent", [5, 50, 0.5])
def test_the_share_is_what_was_asked_for(name: str, percent: float) -> None:
    split = Split(SALT, percent, b"x-user")
    share = sum(moved(split, NAMES[name](number)) for number in range(20_000)) / 200
    assert share == pytest.approx(percent, abs=0.5 if percent < 50 else 1.2)


def test_requests_of_unknown_clients_are_split_by_their_ids() -> None:
    split = Split(SALT, 5, b"x-user")
    share = sum(goes_to_candidate(split, f"id-{number}", []) for number in range(20_000)) / 200
    assert share == pytest.approx(5, abs=0.5)


def test_no_client_flips_while_the_percentage_grows() -> None:
    there: set[bytes] = set()
    for percent in (0, 1, 5, 5, 20, 50, 99.5, 100):
        now = {client for client in CLIENTS if moved(Split(SALT, percent, b"x-user"), client)}
        assert now >= there
        there = now
    assert there == set(CLIENTS)


def test_the_next_candidate_is_tried_on_other_clients() -> None:
    first, second = ({c for c in CLIENTS if moved(Split(salt, 5, b"x-user"), c)} for salt in ("sha256:a", "sha256:b"))
    assert len(first & second) < len(first) / 4


@given(st.binary(min_size=1, max_size=100), st.floats(0, 100), st.text(max_size=100))
def test_an_answer_depends_on_nothing_but_the_client(client: bytes, percent: float, request_id: str) -> None:
    split = Split(SALT, percent, b"x-user")
    expected = moved(split, client)
    assert goes_to_candidate(split, request_id, [(b"x-user", client), (b"x-user", b"other")]) == expected
    assert not moved(split._replace(percent=0), client)
    assert moved(split._replace(percent=100), client)


@given(st.sampled_from([b"candidate", b"serving"]), st.floats(0, 100), st.text())
def test_a_request_can_say_who_answers_it(word: bytes, percent: float, request_id: str) -> None:
    split = Split(SALT, percent, b"x-user", b"x-try")
    headers = [(b"x-user", b"a"), (b"x-try", word)]
    assert goes_to_candidate(split, request_id, headers) == (word == b"candidate")
    unknown = [(b"x-user", b"a"), (b"x-try", b"yes")]
    assert goes_to_candidate(split, request_id, unknown) == moved(split, b"a")


def test_every_pod_and_every_release_decides_the_same() -> None:
    split = Split(SALT, 5, b"x-user")
    assert [number for number in range(200) if moved(split, b"%d" % number)] == [5, 38, 50, 93, 97, 100, 135, 155, 194]
