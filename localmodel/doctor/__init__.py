"""What this machine has of what is needed, and how to get the rest. Looks only; changes nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from localmodel.disk import home_errors
from localmodel.doctor import cluster, engine, kept, machine, network
from localmodel.doctor.finding import Finding
from localmodel.errors import UserError

__all__ = ["Finding", "examine"]


def examine() -> list[Finding]:
    """Every finding, in the order in which things are needed. Takes seconds at most: all is looked at at once."""
    looks: list[Callable[[], list[Finding]]] = [*machine.LOOKS, *kept.LOOKS, *network.LOOKS, *engine.LOOKS]
    looks += cluster.LOOKS
    with ThreadPoolExecutor(len(looks)) as threads:
        return [finding for findings in threads.map(_look, looks) for finding in findings]


def _look(look: Callable[[], list[Finding]]) -> list[Finding]:
    """What it finds; where the folder of everything cannot be used, that another finding says why is enough."""
    try:
        with home_errors.told():
            return look()
    except UserError as error:
        return [Finding("fail", look.__name__.strip("_"), str(error), "fix it, then run lmd doctor again")]
