"""Asking a deployment, once or all the time. Every answer is noted, for what is judged when all tests are over."""

from __future__ import annotations

import json
import threading
import time
from types import TracebackType
from typing import Any

import httpx
from support.operator.timeline import Asked

NEW_CONNECTION = {"Connection": "close"}

# What was asked of each port, since the tests began.
noted: dict[int, list[Asked]] = {}


def _client(headers: dict[str, str]) -> httpx.Client:
    # Certificates, which plain HTTP does not need, would take longer to read than what is asked.
    return httpx.Client(trust_env=False, verify=False, timeout=30, headers=headers)


_one_by_one = _client(NEW_CONNECTION)


def post(port: int, body: Any = None) -> httpx.Response:
    """One request over a connection of its own."""
    sent = time.monotonic()
    answer = _one_by_one.post(_url(port), content=json.dumps(body))
    _note(port, _asked(sent, True, answer))
    return answer


def ask(port: int, body: Any = None) -> Any:
    """The prediction."""
    answer = post(port, body)
    assert answer.status_code == 200, f"port {port}: {answer.status_code} {answer.text}"
    return answer.json()


def ask_if_reachable(port: int) -> Any:
    """The prediction, or None: a node's rules follow a pod that has become ready by up to a second."""
    try:
        return ask(port)
    except httpx.TransportError:
        return None


def ask_often(port: int, body: Any = None, times: int = 20) -> list[Any]:
    """The different predictions of that many requests, each over a new connection."""
    answers = []
    for _ in range(times):
        answer = ask(port, body)
        if answer not in answers:
            answers.append(answer)
    return answers


def _url(port: int) -> str:
    return f"http://localhost:{port}/score"


def _asked(sent: float, fresh: bool, answer: httpx.Response) -> Asked:
    now, revision = time.monotonic(), int(answer.headers.get("x-localmodel-revision", 0))
    if answer.status_code != 200:
        return Asked(sent, now, fresh, None, revision, f"{answer.status_code} {answer.text}")
    return Asked(sent, now, fresh, answer.json(), revision)


def _note(port: int, asked: Asked) -> None:
    noted.setdefault(port, []).append(asked)


class Load:
    """Requests without a pause while the block runs: half over one kept connection, half over new ones.

    lossless: whether the block's end is a failure if a request was lost.
    """

    def __init__(self, port: int, body: Any = None, per_second: int = 25, lossless: bool = True) -> None:
        self._port, self._content = port, json.dumps(body)
        self._interval = 2 / per_second  # of each of the two threads
        self._lossless = lossless
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(fresh,)) for fresh in (False, True)]
        self.asked: list[Asked] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if kind is None and self._lossless:
            assert self.asked, "the load sent nothing"
            assert not self.lost, f"{len(self.lost)} of {len(self.asked)} requests were lost: {self.lost[:5]}"

    @property
    def lost(self) -> list[Asked]:
        return [each for each in self.asked if each.problem]

    def answers_since(self, when: float, kept: bool = False) -> list[Any]:
        """The different answers to what was sent over new connections after `when` (time.monotonic()).

        kept: over connections that were kept, too.
        """
        answers: list[Any] = []
        for each in list(self.asked):
            if (each.on_new_connection or kept) and each.sent > when and each.answer not in answers:
                answers.append(each.answer)
        return answers

    def _run(self, fresh: bool) -> None:
        with _client(NEW_CONNECTION if fresh else {}) as client:
            due = time.monotonic()
            while not self._stop.is_set():
                asked = self._ask(client, fresh)
                self.asked.append(asked)
                _note(self._port, asked)
                # behind by more than a moment, it goes on from now: no burst makes up for it
                due = max(due + self._interval, time.monotonic() - 1)
                self._stop.wait(max(0.0, due - time.monotonic()))

    def _ask(self, client: httpx.Client, fresh: bool) -> Asked:
        sent = time.monotonic()
        try:
            answer = client.post(_url(self._port), content=self._content)
        except httpx.HTTPError as error:
            return Asked(sent, time.monotonic(), fresh, None, problem=f"{type(error).__name__}: {error}")
        return _asked(sent, fresh, answer)
