"""What follows from the figures of a stage: too few requests never promote, and the first clear evidence ends it."""

from collections.abc import Iterator

from localmodel.resource.stages import Stage
from localmodel_operator.trials.figures import Seen

# Answers of each side, so that a time says something.
_FEWEST_TIMED = 10


def against(stage: Stage, seen: Seen) -> str:
    """A sentence on what speaks against the candidate, or "".

    A share is taken of `min_requests` at least: of the first answers a few may fail, as long as all that are still to
    come could make up for them.
    """
    return "; ".join(_against(stage, seen))


def is_over(stage: Stage, seen: Seen) -> bool:
    """Whether the stage has lasted long enough, and its figures say something."""
    enough = seen.candidate.requests
    if stage.role == "shadow":
        enough = min(enough, seen.compared + seen.candidate.failed)
    return seen.seconds >= stage.seconds and enough >= stage.min_requests


def lacks(stage: Stage, seen: Seen) -> bool:
    """Whether only requests are lacking for the stage to be over."""
    return seen.seconds >= stage.seconds and not is_over(stage, seen)


def _against(stage: Stage, seen: Seen) -> Iterator[str]:
    serving, candidate, limits = seen.serving, seen.candidate, stage.limits
    if candidate.failed / max(candidate.requests, stage.min_requests) - serving.share_failed > limits.error:
        of_serving = f"{serving.failed} of {serving.requests} of what serves"
        yield (
            f"{candidate.failed} of {candidate.requests} answers failed, and {of_serving} "
            f"(errorRatio is {limits.error:g})"
        )
    if limits.changed is not None and seen.changed / max(seen.compared, stage.min_requests) > limits.changed:
        yield f"{seen.changed} of {seen.compared} answers differ (changedRatio is {limits.changed:g})"
    if limits.latency is None or candidate.requests < stage.min_requests:
        return
    if min(candidate.requests, serving.requests) >= _FEWEST_TIMED:
        took, before = candidate.slowest_tenth(), serving.slowest_tenth()
        if took > limits.latency * before:
            yield (
                f"the slowest tenth of the answers took {took:.3g} ms and more, and {before:.3g} ms of what serves "
                f"(latencyRatio is {limits.latency:g})"
            )
