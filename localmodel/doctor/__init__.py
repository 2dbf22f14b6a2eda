"""Checks what this machine has and how to get what is missing, without changing anything."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from localmodel.disk import home_errors
from localmodel.doctor import cluster, engine, kept, machine, network
from localmodel.doctor.finding import Finding
from localmodel.errors import UserError

__all__ = ["Finding", "examine"]


def examine() -> list[Finding]:
    """All findings, in the order in which things are needed. The checks run in parallel and take seconds at most."""
    looks: list[Callable[[], list[Finding]]] = [*machine.LOOKS, *kept.LOOKS, *network.LOOKS, *engine.LOOKS]
    looks += cluster.LOOKS
    with ThreadPoolExecutor(len(looks)) as threads:
        return [finding for findings in threads.map(_look, looks) for finding in findings]


def _look(look: Callable[[], list[Finding]]) -> list[Finding]:
    """The findings of one check; none if the home folder cannot be used, which another finding reports."""
    try:
        with home_errors.as_user_errors():
            return look()
    except UserError as error:
        return [Finding("fail", look.__name__.strip("_"), str(error), "fix it, then run lmd doctor again")]
