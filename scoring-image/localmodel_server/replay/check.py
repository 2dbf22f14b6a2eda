"""Asks a candidate what was captured, and compares its answers with those of the revision that serves.

Where the candidate is a pod of its own, the pod that serves gives what it was asked and how it answers it (`served()`),
and the operator brings that to the candidate's (`compare()`).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

from localmodel_server.configuration.replay import ReplaySettings
from localmodel_server.gate.ask import Asking, AskingBeside, GateAnswer
from localmodel_server.gate.client import NoAnswerError
from localmodel_server.log import logger
from localmodel_server.replay import requests
from localmodel_server.replay.answered import Answered
from localmodel_server.replay.comparison import Comparison
from localmodel_server.workers.dispatcher import Dispatcher
from localmodel_server.workers.pool import Pool
from localmodel_server.workers.worker_process import LoadError
from localmodel_untrusted.answer_difference import Answer
from localmodel_untrusted.replayed import Replayed

AGENT = "localmodel-replay"
_MOST_SECONDS = 60.0
_OVER = f"{_MOST_SECONDS:g} s were over"
_UNAVAILABLE = 503
_Result = TypeVar("_Result")
Take = Callable[[Answered], Awaitable[None]]


class ReplayFailedError(LoadError):
    """More answers change than may; the text is one line, and has no values."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="ReplayFailed")


async def run(settings: ReplaySettings, serving: Dispatcher, candidate: Pool) -> Replayed:
    """Ask the last captured requests: what serves twice, beside its clients, and the candidate, which must be idle.

    Raises:
        ReplayFailedError
    """
    comparison = Comparison(settings.rules)
    with Asking(candidate, AGENT, replayed=True) as after:
        await served(settings.last, serving, comparison.left_out, partial(_ask, after, comparison))
    if after.worker_lost:
        raise _lost()
    return await _judged(settings, comparison)


async def compare(
    settings: ReplaySettings, answered: Iterable[Answered], left_out: Counter[str], asked: Dispatcher
) -> Replayed:
    """Ask a candidate that no client can reach yet what another server has answered, and what that has left out.

    Raises:
        ReplayFailedError
    """
    comparison, pool = Comparison(settings.rules), asked.pool
    if pool is None:
        raise ReplayFailedError("replay: nothing is loaded")
    comparison.left_out.update(left_out)
    until = time.monotonic() + _MOST_SECONDS
    with AskingBeside(pool, asked, AGENT) as after:
        for one in answered:
            if time.monotonic() > until:
                comparison.left_out[_OVER] += 1
                continue
            await _ask(after, comparison, one)
            if not after.is_whole:
                raise _lost()
    return await _judged(settings, comparison)


async def served(last: int, serving: Dispatcher, left_out: Counter[str], take: Take) -> None:
    """Give the last captured requests to `take`, one after the other, each with two answers of what serves.

    What cannot be asked is counted in `left_out`.
    """
    pool = serving.pool
    if pool is None or (capture := pool.settings.capture) is None:
        return
    try:
        asked, not_asked = await _in_thread(lambda: requests.last(capture.folder, last))
    except OSError as error:
        logger.warning("replay: %s cannot be read: %s", capture.folder, error.strerror)
        return
    left_out.update(not_asked)
    until = time.monotonic() + _MOST_SECONDS
    with AskingBeside(pool, serving, AGENT) as before:
        for number, request in enumerate(asked, 1):
            if time.monotonic() > until:
                left_out[_OVER] += len(asked) - number + 1
                return
            called = f"replay-{number}"
            try:
                first, again = [await before.ask(request, called), await before.ask(request, called)]
            except NoAnswerError:
                left_out["what serves did not answer it"] += 1
                continue
            if not before.is_whole:
                left_out["what serves had lost a worker"] += len(asked) - number + 1
                return
            if _UNAVAILABLE in (first.status, again.status):
                left_out["what serves had no time for it"] += 1
                continue
            await take(Answered(called, request, _answer(first), _answer(again)))


async def _ask(after: Asking | AskingBeside, comparison: Comparison, answered: Answered) -> None:
    try:
        new = _answer(await after.ask(answered.request, answered.called))
    except NoAnswerError:
        new = Answer(0, b"", 0.0)  # which no other answer is
    await _in_thread(partial(comparison.add, answered.first, answered.again, new))


async def _judged(settings: ReplaySettings, comparison: Comparison) -> Replayed:
    result = await _in_thread(lambda: comparison.result(settings.min_requests))
    logger.info("replay: %s", result.text())
    if result.is_enough and result.changed > settings.max_changed:
        allowed = f"spec.update.replay.maxChanged is {settings.max_changed}"
        raise ReplayFailedError(f"replay: {result.text()} ({allowed})")
    return result


def _lost() -> ReplayFailedError:
    return ReplayFailedError("replay: a worker was lost while it answered captured requests")


def _answer(answer: GateAnswer) -> Answer:
    return Answer(answer.status, answer.body, answer.milliseconds)


async def _in_thread(work: Callable[[], _Result]) -> _Result:
    """Do work in a thread: it may take longer than a client should wait."""
    return await asyncio.get_running_loop().run_in_executor(None, work)
