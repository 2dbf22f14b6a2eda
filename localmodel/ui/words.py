"""The state of a deployment in words, from plain values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from localmodel.targets.target import DeploymentStatus, PastRevision

Words = Callable[[str], str]


@dataclass(frozen=True)
class Condition:
    """Something that holds or does not, and a sentence about it."""

    name: str
    holds: bool
    text: str


@dataclass(frozen=True)
class Entry:
    """A revision in the timeline. `can_return`: whether it can be served again."""

    revision: int
    created: str
    cause: str
    states: tuple[str, ...]
    failed: str
    models: tuple[str, ...]
    can_return: bool


def summary(status: DeploymentStatus, in_words: Words) -> str:
    """One sentence for a list."""
    if status.ready:
        return in_words(status.detail) if status.detail else f"Revision {status.serving} answers."
    return in_words(status.message) or "There is no information about it yet."


def conditions(status: DeploymentStatus, in_words: Words) -> list[Condition]:
    """What holds of the deployment now."""
    serving, durable = status.serving, status.durable
    ready = f"Revision {serving} is what was applied last, and it answers." if status.ready else status.message
    available = f"Revision {serving} answers." if serving else "Nothing answers."
    stays = [Condition("Needs a change", True, "It stays so until something is changed.")] if status.stalled else []
    return [
        Condition("Ready", status.ready, in_words(ready)),
        Condition("Available", serving is not None, available),
        Condition("Durable", durable is not None and durable == serving, _durable(status, in_words)),
        *stays,
    ]


def timeline(history: Sequence[PastRevision], in_words: Words) -> list[Entry]:
    """The kept revisions, newest first."""
    return [
        Entry(
            past.revision,
            past.created,
            in_words(past.cause),
            tuple(past.states),
            in_words(_text(past.failed or past.trial_failed)),
            tuple(past.models),
            not past.serving and not past.failed,
        )
        for past in history
    ]


def _text(failure: str) -> str:
    """What follows the reason."""
    return failure.partition(": ")[2] or failure


def _durable(status: DeploymentStatus, in_words: Words) -> str:
    if status.durable is None:
        return "A restart would serve nothing."
    if status.durable == status.serving:
        return f"A restart serves revision {status.durable} again."
    return in_words(status.detail) or f"A restart would serve revision {status.durable}."
