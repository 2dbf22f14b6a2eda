"""The two steps of a warm swap: a revision is prepared in every pod; when all have it, it is committed in all."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from localmodel_operator.cluster import PodUnreachable
from localmodel_operator.pods.admin import Admin, CannotTake, RevisionFailed, Superseded
from localmodel_operator.pods.bundle import Bundle
from localmodel_operator.pods.pods import Pod


async def prepare(
    admin: Admin,
    pods: Sequence[Pod],
    epoch: int,
    content: str,
    bundle_for: Callable[[Pod], Bundle | None],
    seconds: float,
) -> None:
    """Have every ready pod load the revision beside the one it serves. They have so many `seconds`.

    Pods that are not ready are taken along if they can be.

    Raises:
        RevisionFailed, CannotTake: the pods have forgotten it again.
        Superseded, PodUnreachable: to be looked at again.
    """
    calls = (admin.prepare(pod.found, epoch, content, bundle_for(pod)) for pod in pods)
    try:
        try:
            async with asyncio.timeout(seconds):
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
        except TimeoutError:
            late = f"it was not ready to serve within {seconds:g} s"
            raise RevisionFailed("ProgressDeadlineExceeded", late) from None
        _raise_first(outcomes, pods)
    except (RevisionFailed, CannotTake):
        await asyncio.gather(*(admin.abort(pod.found, epoch, content) for pod in pods))
        raise


async def commit(admin: Admin, pods: Sequence[Pod], epoch: int, content: str) -> None:
    """Have every pod serve what it has prepared. Raises what prepare() does."""
    commits = await asyncio.gather(*(admin.commit(pod.found, epoch, content) for pod in pods), return_exceptions=True)
    _raise_first(commits, pods)


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
