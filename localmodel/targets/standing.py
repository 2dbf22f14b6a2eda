"""How a deployment stands, from what can be seen of it: the one rule of all targets."""

from dataclasses import dataclass

_ENDED = "the command that asked for something else was ended before that served; lmd apply asks for it again"


@dataclass(frozen=True)
class Seen:
    """What can be seen of a deployment.

    `serves`: what was asked for last does; `failed` says why it does not. `at_work`: somebody brings it; `ended`:
    whoever did was ended. `down` says that there is no server, `problem` what the server, or the operator, says.
    """

    serves: bool = False
    failed: str = ""
    at_work: bool = False
    down: str = ""
    ended: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Standing:
    """As the fields of target.DeploymentStatus."""

    ready: bool
    stalled: bool
    message: str


def judge(seen: Seen) -> Standing:
    """Ready is what was asked for last, when it answers; stalled is what nobody is about to change."""
    if seen.serves and not seen.failed:
        return Standing(True, False, "")
    if seen.at_work:
        return Standing(False, False, seen.problem or "loading")
    failed = "" if seen.failed == seen.down else seen.failed
    why = "; ".join(text for text in (seen.down, failed) if text) or (_ENDED if seen.ended else "")
    return Standing(False, bool(why), why or seen.problem or "loading")
