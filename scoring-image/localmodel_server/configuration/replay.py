"""Which captured requests a revision must answer as the one before it did, from LOCALMODEL_REPLAY."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localmodel_untrusted.answer_difference import Rules
from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_difference import Tolerance
from localmodel_untrusted.json_path import parse_pattern
from localmodel_untrusted.json_text import parse

_VARIABLE = "LOCALMODEL_REPLAY"


class ReplayError(ValueError):
    """LOCALMODEL_REPLAY cannot be used; the text names what is wrong."""


@dataclass(frozen=True)
class ReplaySettings:
    """The last so many captured requests are asked, and of the answers that are compared so many may change.

    With fewer than min_requests answers nothing is judged. rules say what does not count as a change.
    """

    last: int
    max_changed: int
    min_requests: int
    rules: Rules


def read_replay(environment: Mapping[str, str]) -> ReplaySettings | None:
    """The settings, or None where nothing is asked again.

    Raises:
        ReplayError
    """
    text = environment.get(_VARIABLE, "")
    if not text:
        return None
    try:
        wanted: Any = parse(text.encode())
        ignored = tuple(parse_pattern(path) for path in wanted["ignore"])
        rules = Rules(Tolerance(float(wanted["tolerance"])), ignored)
        return ReplaySettings(int(wanted["last"]), int(wanted["maxChanged"]), int(wanted["minRequests"]), rules)
    except (UnreadableError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReplayError(
            f"{_VARIABLE}: expected spec.update.replay as JSON: {type(error).__name__}: {error}"
        ) from None
