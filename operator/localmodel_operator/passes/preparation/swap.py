"""The two steps of a warm swap: a revision is prepared in every pod; when all have it, it is committed in all."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from localmodel import reasons
from localmodel_operator.cluster import PodUnreachableError
from localmodel_operator.pods.admin import Admin, CannotTakeError, RevisionFailedError, SupersededError
from localmodel_operator.pods.bundle import BundleArchive
from localmodel_operator.pods.pods import Pod


async def prepare(
    admin: Admin,
    pods: Sequence[Pod],
    epoch: int,
    content: str,
    bundle_for: Callable[[Pod], BundleArchive | None],
    seconds: float,
) -> None:
    """Have every ready pod load the revision beside the one it serves, within so many `seconds`.

    Pods that are not ready load it, too, if they can.

    Raises:
        RevisionFailedError, CannotTakeError: the pods have forgotten it again.
        SupersededError, PodUnreachableError: another pass is needed.
    """
    calls = (admin.prepare(pod.object, epoch, content, bundle_for(pod)) for pod in pods)
    try:
        try:
            async with asyncio.timeout(seconds):
                outcomes = await asyncio.gather(*calls, return_exceptions=True)
        except TimeoutError:
            late = f"it was not ready to serve within {seconds:g} s"
            raise RevisionFailedError(reasons.PROGRESS_DEADLINE_EXCEEDED, late) from None
        raise_first(outcomes, pods)
    except (RevisionFailedError, CannotTakeError):
        await asyncio.gather(*(admin.abort(pod.object, epoch, content) for pod in pods))
        raise


async def commit(admin: Admin, pods: Sequence[Pod], epoch: int, content: str) -> None:
    """Have every pod serve what it has prepared.

    Raises:
        RevisionFailedError, CannotTakeError, SupersededError, PodUnreachableError.
    """
    commits = (admin.commit(pod.object, epoch, content) for pod in pods)
    raise_first(await asyncio.gather(*commits, return_exceptions=True), pods)


def raise_first(outcomes: Iterable[BaseException | None], pods: Sequence[Pod]) -> None:
    """Raise what is about the revision before what is about a pod; a pod that is not ready may be unreachable."""
    failures = [(error, pod) for error, pod in zip(outcomes, pods, strict=True) if error is not None]
    for kind in (RevisionFailedError, CannotTakeError, SupersededError):
        for error, _ in failures:
            if isinstance(error, kind):
                raise error
    for error, pod in failures:
        if pod.is_ready or not isinstance(error, PodUnreachableError):
            raise error
