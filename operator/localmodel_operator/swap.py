"""A warm swap: prepare the revision in every pod, and when all are prepared, commit it in all of them."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from localmodel_operator.admin import Admin, CannotTake, RevisionFailed, Superseded
from localmodel_operator.bundle import Bundle
from localmodel_operator.cluster import PodUnreachable
from localmodel_operator.pods import Pod


async def swap(
    admin: Admin,
    pods: Sequence[Pod],
    epoch: int,
    content: str,
    bundle_for: Callable[[Pod], Bundle | None],
    seconds: float,
) -> None:
    """Make every ready pod serve the revision, or none. They have so many `seconds` to prepare.

    Pods that are not ready are taken along if they can be.

    Raises:
        RevisionFailed, CannotTake: no pod has changed.
        Superseded, PodUnreachable: to be looked at again.
    """
    try:
        await _prepare(admin, pods, epoch, content, bundle_for, seconds)
    except (RevisionFailed, CannotTake):
        await asyncio.gather(*(admin.abort(pod.found, epoch, content) for pod in pods))
        raise
    commits = await asyncio.gather(*(admin.commit(pod.found, epoch, content) for pod in pods), return_exceptions=True)
    _raise_first(commits, pods)


async def _prepare(
    admin: Admin,
    pods: Sequence[Pod],
    epoch: int,
    content: str,
    bundle_for: Callable[[Pod], Bundle | None],
    seconds: float,
) -> None:
    calls = (admin.prepare(pod.found, epoch, content, bundle_for(pod)) for pod in pods)
    try:
        async with asyncio.timeout(seconds):
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
    except TimeoutError:
        raise RevisionFailed("ProgressDeadlineExceeded", f"it was not ready to serve within {seconds:g} s") from None
    _raise_first(outcomes, pods)


def _raise_first(outcomes: Iterable[BaseException | None], pods: Sequence[Pod]) -> None:
    """Raise what speaks against the revision before what speaks of a pod's state; a pod that is not ready may fail."""
    failures = [(each, pod) for each, pod in zip(outcomes, pods, strict=True) if each is not None]
    for kind in (RevisionFailed, CannotTake, Superseded):
        for failure, _ in failures:
            if isinstance(failure, kind):
                raise failure
    for failure, pod in failures:
        if pod.is_ready or not isinstance(failure, PodUnreachable):
            raise failure
