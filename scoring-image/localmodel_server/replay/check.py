"""Asks a candidate what was captured, and compares its answers with those of the revision that serves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from localmodel_server.configuration.replay import ReplaySettings
from localmodel_server.gate.ask import Asking, AskingBeside, GateAnswer
from localmodel_server.gate.client import NoAnswerError
from localmodel_server.log import logger
from localmodel_server.replay import requests
from localmodel_server.replay.comparison import Comparison
from localmodel_server.replay.requests import Request
from localmodel_server.workers.dispatcher import Dispatcher
from localmodel_server.workers.pool import Pool
from localmodel_server.workers.worker_process import LoadError
from localmodel_untrusted.answer_difference import Answer
from localmodel_untrusted.replayed import Replayed

AGENT = "localmodel-replay"
_MOST_SECONDS = 60.0
_UNAVAILABLE = 503
_Result = TypeVar("_Result")


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
    pool = serving.pool
    if pool is not None and (capture := pool.settings.capture) is not None:
        try:
            asked, left_out = await _in_thread(lambda: requests.last(capture.folder, settings.last))
        except OSError as error:
            logger.warning("replay: %s cannot be read: %s", capture.folder, error.strerror)
        else:
            comparison.left_out.update(left_out)
            with Asking(candidate, AGENT, replayed=True) as after, AskingBeside(pool, serving, AGENT) as before:
                await _ask_all(asked, before, after, comparison)
            if after.worker_lost:
                raise ReplayFailedError("replay: a worker was lost while it answered captured requests")
    result = await _in_thread(lambda: comparison.result(settings.min_requests))
    logger.info("replay: %s", result.text())
    if result.is_enough and result.changed > settings.max_changed:
        allowed = f"spec.update.replay.maxChanged is {settings.max_changed}"
        raise ReplayFailedError(f"replay: {result.text()} ({allowed})")
    return result


async def _ask_all(asked: list[Request], before: AskingBeside, after: Asking, comparison: Comparison) -> None:
    until = time.monotonic() + _MOST_SECONDS
    for number, request in enumerate(asked, 1):
        if time.monotonic() > until:
            comparison.left_out[f"{_MOST_SECONDS:g} s were over"] += len(asked) - number + 1
            return
        called = f"replay-{number}"
        try:
            first, again = [await before.ask(request, called), await before.ask(request, called)]
        except NoAnswerError:
            comparison.left_out["what serves did not answer it"] += 1
            continue
        if not before.is_whole:
            comparison.left_out["what serves had lost a worker"] += len(asked) - number + 1
            return
        if _UNAVAILABLE in (first.status, again.status):
            comparison.left_out["what serves had no time for it"] += 1
            continue
        try:
            new = _answer(await after.ask(request, called))
        except NoAnswerError:
            new = Answer(0, b"", 0.0)  # which no other answer is
        await _in_thread(partial(comparison.add, _answer(first), _answer(again), new))


def _answer(answer: GateAnswer) -> Answer:
    return Answer(answer.status, answer.body, answer.milliseconds)


async def _in_thread(work: Callable[[], _Result]) -> _Result:
    """Do work in a thread: it may take longer than a client should wait."""
    return await asyncio.get_running_loop().run_in_executor(None, work)
