"""Checks that a server answers what the model itself answers, under concurrent requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

from scoring.cases import Pictures
from scoring.process import Running

_AT_ONCE = 16
_MANY = 32


class WrongAnswer(Exception):
    """A server's labels are not the model's; the text says which."""


def check(running: Running, pictures: Pictures, model: str) -> None:
    """Ask for each picture alone, 16 at a time, then for 32 together.

    Raises:
        WrongAnswer: a label differs.
    """
    right = pictures.labels[model]

    def ask(start: int, count: int) -> None:
        request = running.server.form.write(pictures.rows[start : start + count])
        try:
            labels = running.server.form.read(running.ask(request))
        except (OSError, HTTPException, LookupError, ValueError) as error:
            text = f"{type(error).__name__}: {error}"
            raise WrongAnswer(f"{running.server.name}, asked for {count} rows: {text}") from error
        if labels != right[start : start + count]:
            raise WrongAnswer(f"{running.server.name} answers {labels}, the model {right[start : start + count]}")

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(ask, start, 1) for start in range(len(right))]:
            done.result()
    for start in range(0, len(right), _MANY):
        ask(start, _MANY)
