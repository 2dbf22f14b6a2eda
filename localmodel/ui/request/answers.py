"""What the page shows of an answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localmodel.targets.http import Answer
from localmodel.ui.request import chances
from localmodel.ui.request.chances import Chances
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

_LONGEST_SHOWN = 200_000  # characters


@dataclass(frozen=True)
class Shown:
    """An answer as the page shows it. `text` is what the body is to a person, `chances` the probabilities in it."""

    status: int
    revision: str
    milliseconds: float
    headers: Mapping[str, str]
    text: str
    chances: Sequence[Chances] = ()
    traceback: str = ""


def shown(answer: Answer, traceback: str = "") -> Shown:
    """What the page shows of an answer."""
    content_type = answer.headers.get("content-type", "")
    return Shown(
        answer.status,
        answer.headers.get("x-localmodel-revision", ""),
        round(answer.seconds * 1000, 1),
        answer.headers,
        body_text(content_type, answer.body),
        chances.of_body(answer.body) if "json" in content_type and answer.status < 400 else (),
        traceback,
    )


def body_text(content_type: str, body: bytes) -> str:
    """A body as text: JSON with indents where it has more than a line of them, and of other bytes only how many."""
    if "json" not in content_type and not content_type.startswith("text/"):
        return f"{len(body)} bytes of {content_type or 'an unknown type'}" if body else ""
    text = body.decode(errors="replace")
    if "json" in content_type:
        try:
            value = json_text.parse_loosely(body)
            text = json.dumps(value, ensure_ascii=False)
            if len(text) > 80 and isinstance(value, dict):
                text = json.dumps(value, ensure_ascii=False, indent=2)
        except (UnreadableError, ValueError, RecursionError):
            pass  # it is shown as it came
    if len(text) > _LONGEST_SHOWN:
        return f"{text[:_LONGEST_SHOWN]}\n… and {len(text) - _LONGEST_SHOWN} more characters"
    return text
