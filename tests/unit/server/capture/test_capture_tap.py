"""What passes between an application and its client is kept, as long as there is room for it."""

from __future__ import annotations

import asyncio

from starlette.types import Message

from localmodel_server.capture.exchange import LONGEST
from localmodel_server.capture.tap import Room, Tap


async def receive() -> Message:
    return {"type": "http.request", "body": b"asked", "more_body": False}


async def send(message: Message) -> None:
    pass


def answer(tap: Tap, *pieces: bytes, is_last: bool = True) -> None:
    """Send the pieces of an answer."""
    for number, piece in enumerate(pieces, 1):
        more = number < len(pieces) or not is_last
        asyncio.run(tap.send({"type": "http.response.body", "body": piece, "more_body": more}))


def test_a_body_and_an_answer_are_kept_whole() -> None:
    with Tap(receive, send, Room(1 << 20)) as tap:
        asyncio.run(tap.receive())
        answer(tap, b"a", b"", b"b", is_last=False)
        assert (tap.body, tap.answer) == (b"asked", None)
        answer(tap, b"")
        assert tap.answer == b"ab"


def test_an_answer_that_is_too_long_is_not_kept() -> None:
    with Tap(receive, send, Room(1 << 30)) as tap:
        answer(tap, b"0" * LONGEST, b"1")
        assert tap.answer is None


def test_all_that_are_answered_at_once_share_the_room_and_give_it_back() -> None:
    room = Room(1000)
    with Tap(receive, send, room) as first:
        answer(first, b"0" * 600, is_last=False)
        with Tap(receive, send, room) as second:
            asyncio.run(second.receive())
            answer(second, b"0" * 600, b"1")
            assert (second.body, second.answer) == (b"asked", None)
        answer(first, b"1" * 100)
        assert first.answer == b"0" * 600 + b"1" * 100
    with Tap(receive, send, room) as third:
        answer(third, b"0" * 900)
        assert third.answer == b"0" * 900


def test_many_small_pieces_take_more_room_than_their_content() -> None:
    with Tap(receive, send, Room(1000)) as tap:
        answer(tap, *[b"0"] * 100)
        assert tap.answer is None
