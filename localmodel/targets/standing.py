"""The one rule, for all targets, that derives a deployment's state from what can be observed."""

from dataclasses import dataclass

_ENDED = "the command that asked for something else was ended before that served; lmd apply asks for it again"


@dataclass(frozen=True)
class Seen:
    """What is observed of a deployment.

    `serves`: the last apply serves; `failed` says why it does not. `at_work`: a command or the operator works on it;
    `ended`: that command was ended. `down` says that no server runs, `problem` is what the server or the operator says.
    """

    serves: bool = False
    failed: str = ""
    at_work: bool = False
    down: str = ""
    ended: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Standing:
    """Fields of `DeploymentStatus`."""

    ready: bool
    stalled: bool
    message: str


def judge(seen: Seen) -> Standing:
    """A deployment is ready if the last apply serves, and stalled if nothing is about to change it."""
    if seen.serves and not seen.failed:
        return Standing(True, False, "")
    if seen.at_work:
        return Standing(False, False, seen.problem or "loading")
    failed = "" if seen.failed == seen.down else seen.failed
    why = "; ".join(text for text in (seen.down, failed) if text) or (_ENDED if seen.ended else "")
    return Standing(False, bool(why), why or seen.problem or "loading")
