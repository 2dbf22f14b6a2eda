"""What this machine has of what is needed, and how to get the rest. Looks only; changes nothing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from localmodel.doctor import cluster, engine, kept, machine, network
from localmodel.doctor.finding import Finding

__all__ = ["Finding", "examine"]


def examine() -> list[Finding]:
    """Every finding, in the order in which things are needed. Takes seconds at most: all is looked at at once."""
    looks: list[Callable[[], list[Finding]]] = [*machine.LOOKS, *kept.LOOKS, *network.LOOKS, *engine.LOOKS]
    looks += cluster.LOOKS
    with ThreadPoolExecutor(len(looks)) as threads:
        return [finding for findings in threads.map(lambda look: look(), looks) for finding in findings]
