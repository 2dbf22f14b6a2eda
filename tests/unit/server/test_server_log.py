from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from localmodel_server import log
from localmodel_server.log import GatheringHandler, one_word

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Writes(io.StringIO):
    """A stream that remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Writes]:
    written = Writes()
    handler = GatheringHandler(written)
    monkeypatch.setattr(log, "_handler", handler)
    root, level, own = logging.getLogger(), logging.getLogger().level, log.logger.level
    yield written
    root.removeHandler(handler)
    root.setLevel(level)
    log.logger.setLevel(own)


def test_a_request_is_one_line(stream: Writes) -> None:
    log.set_up_logging()
    log.log_request("abc-1", "POST", "/score", 200, 1.2345)
    assert re.fullmatch(TIME + r" INFO abc-1 POST /score 200 1\.2\n", stream.text)


def test_a_request_as_json(stream: Writes) -> None:
    log.set_up_logging("INFO", "json")
    log.log_request('a"b', "POST", "/score", 500, 12.0)
    line = json.loads(stream.text)
    assert re.fullmatch(TIME, line.pop("time"))
    assert line == {"level": "INFO", "request_id": 'a"b', "method": "POST", "path": "/score", "status": 500, "ms": 12.0}


def test_other_lines_have_the_same_formats(stream: Writes) -> None:
    log.set_up_logging()
    log.logger.warning("worker %d died", 7)
    assert re.fullmatch(TIME + " WARNING worker 7 died\n", stream.text)
    log.set_up_logging("INFO", "json")
    try:
        raise KeyError("age")
    except KeyError:
        log.logger.exception("request %s failed", "abc", extra={"request_id": "abc"})
    line = json.loads(stream.pieces[-1])
    assert (line["level"], line["message"], line["request_id"]) == ("ERROR", "request abc failed", "abc")
    assert "KeyError: 'age'" in line["exception"]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_client_cannot_forge_a_line_or_steer_a_terminal(stream: Writes, log_format: str) -> None:
    log.set_up_logging("INFO", log_format)
    log.log_request("a\r\nb POST /score 200 1.0", "POST", "/x\x1b[2J\x9b\x7f\u2028 y", 404, 1.0)
    assert stream.text.count("\n") == 1
    assert stream.text.endswith("\n")
    assert stream.text[:-1].isascii()
    assert stream.text[:-1].isprintable()
    if log_format == "text":
        assert len(stream.text.split(" ")) == 7


@pytest.mark.parametrize("text", ["", " ", "a b", "a\x7f", "caf\xe9", '"'])
def test_what_is_no_word_becomes_one(text: str) -> None:
    made = one_word(text)
    assert made and made.isascii() and made.isprintable() and " " not in made
    assert json.loads(made) == text
    assert one_word("/score?x=1\\n") == "/score?x=1\\n"


def test_the_level_is_heeded(stream: Writes) -> None:
    log.set_up_logging("WARNING")
    log.log_request("a", "POST", "/score", 200, 1.0)
    log.logger.info("hidden")
    log.logger.warning("shown")
    assert [line.split(" ")[1] for line in stream.text.splitlines()] == ["WARNING"]
    log.set_up_logging("DEBUG")
    log.logger.debug("shown now")
    assert "shown now" in stream.text


async def test_lines_of_one_turn_of_the_loop_are_one_write(stream: Writes) -> None:
    log.set_up_logging()
    for number in range(50):
        log.log_request(str(number), "POST", "/score", 200, 1.0)
    log.logger.warning("in between")
    assert stream.pieces == []
    await asyncio.sleep(0)
    assert len(stream.pieces) == 1
    assert len(stream.text.splitlines()) == 51
    log.log_request("later", "POST", "/score", 200, 1.0)
    await asyncio.sleep(0)
    assert len(stream.pieces) == 2


async def test_an_error_is_written_before_anybody_is_told_of_it(stream: Writes) -> None:
    log.set_up_logging()
    log.log_request("before", "POST", "/score", 200, 1.0)
    log.logger.error("failed")
    assert [line.split()[1] for line in stream.text.splitlines()] == ["INFO", "ERROR"]


def test_nothing_is_lost_when_the_loop_ends_first(stream: Writes) -> None:
    log.set_up_logging()

    async def last_words() -> None:
        log.logger.info("last words")

    loop = asyncio.new_event_loop()
    task = loop.create_task(last_words())
    loop.run_until_complete(task)
    loop.close()
    logging.shutdown([lambda: log._handler])  # type: ignore[list-item]
    assert "last words" in stream.text
    log.logger.info("after the loop")
    assert "after the loop" in stream.text


def test_a_log_that_nobody_reads_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(log, "_handler", GatheringHandler(Broken()))
    log.logger.setLevel("INFO")
    log.log_request("a", "POST", "/score", 200, 1.0)


async def test_a_request_line_takes_few_steps(stream: Writes) -> None:
    """It is written for every request; a record of logging takes about a hundred calls."""
    log.set_up_logging()
    calls: list[str] = []

    def note(_: Any, event: str, of: Any) -> None:
        calls.append(f"{event} {of}")

    log.log_request("8d3f6a3e", "POST", "/score", 200, 1.0)
    sys.setprofile(note)
    try:
        log.log_request("8d3f6a3e", "POST", "/score", 200, 1.0)
    finally:
        sys.setprofile(None)
    assert 0 < len([call for call in calls if call.startswith(("call", "c_call"))]) <= 25, calls
