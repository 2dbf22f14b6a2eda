"""Sends the gate's requests to a candidate, and compares its answers with the expected ones."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

from localmodel_server.gate.ask import Asking, GateAnswer
from localmodel_server.gate.client import NoAnswerError
from localmodel_server.gate.compare import cut, difference, nothing_at
from localmodel_server.gate.request import Expectation, Field, GateRequest
from localmodel_server.log import logger
from localmodel_server.workers.pool import Pool
from localmodel_server.workers.worker_process import LoadError
from localmodel_untrusted.json_path import MissingPathError, look_up

_LONGEST_REASON = 200


class GateFailedError(LoadError):
    """An answer is not what is expected; the text is one line: which request, what was expected, what it got.

    `traceback` is the script's, if it raised; `worker_lost`: a worker died, or took too long and was killed.
    """

    reason = "GateFailed"

    def __init__(self, message: str, traceback: str, worker_lost: bool) -> None:
        super().__init__(message, traceback)
        self.reason = GateFailedError.reason
        self.worker_lost = worker_lost


async def run(requests: Sequence[GateRequest], pool: Pool) -> None:
    """Send the requests to a pool that does not serve yet, one after the other.

    The pool must be idle, and is idle again afterwards, unless the gate failed or was cancelled.

    Raises:
        GateFailedError: at the first request whose answer is wrong.
    """
    if not requests:
        return
    started = time.perf_counter()
    with Asking(pool) as asking:
        for number, request in enumerate(requests, 1):
            called = cut(f"request {number} ({request.name})" if request.name else f"request {number}")
            try:
                answer = await asking.ask(request, f"gate-{number}")
            except NoAnswerError as error:
                raise GateFailedError(f"gate: {called}: {error}", "", asking.worker_lost) from None
            logger.info("gate: %s: status %d in %.1f ms", called, answer.status, answer.milliseconds)
            problem = wrong(answer, request.expect)
            if problem is not None:
                raise GateFailedError(f"gate: {called}: {problem}", answer.traceback, asking.worker_lost)
    milliseconds = (time.perf_counter() - started) * 1000
    logger.info("gate: passed, %d of %d, in %.0f ms", len(requests), len(requests), milliseconds)


def wrong(answer: GateAnswer, expect: Expectation) -> str | None:
    """What is wrong with an answer, in one line; None when nothing is."""
    if answer.status != expect.status:
        reason = cut(answer.error or _cause_in(answer.body), _LONGEST_REASON)
        mismatch = f"status: expected {expect.status}, got {answer.status}"
        return f"{mismatch}: {reason}" if reason else mismatch
    if expect.whole or expect.fields:
        try:
            got = json.loads(answer.body)
            problem = next(_differences(got, expect), None)
        except (ValueError, RecursionError):
            return f"expected JSON, got {cut(json.dumps(answer.body.decode(errors='replace'), ensure_ascii=False))}"
        if problem is not None:
            return problem
    if expect.most_ms is not None and answer.milliseconds > expect.most_ms:
        return f"took {math.ceil(answer.milliseconds)} ms; the limit is {expect.most_ms} ms"
    return None


def _differences(got: Any, expect: Expectation) -> Iterator[str]:
    for whole in expect.whole:
        mismatch = difference(whole, got, expect.tolerance)
        if mismatch is not None:
            yield mismatch
    for field in expect.fields:
        mismatch = _difference_at(field, got)
        if mismatch is not None:
            yield mismatch


def _difference_at(field: Field, got: Any) -> str | None:
    try:
        return difference(field.equals, look_up(got, field.steps), field.tolerance, field.path)
    except MissingPathError:
        return nothing_at(field.equals, field.path)


def _cause_in(body: bytes) -> str:
    """The message of an error answer, in any dialect's form."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return body[: 4 * _LONGEST_REASON].decode(errors="replace")
    if isinstance(content, dict):
        for name in ("message", "error"):
            if isinstance(content.get(name), str):
                return str(content[name])
    return "" if content is None else json.dumps(content, ensure_ascii=False)
