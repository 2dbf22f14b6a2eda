"""Requests for a revision by annotation: which one holds, and what ends it.

An annotation does not change the generation, and may come together with an edit that was made before or after it. So a
request says what it was made against, or is compared with what was seen last.
"""

import json
from dataclasses import asdict, dataclass, replace

from localmodel.disk import state_file
from localmodel_operator.failure import Failure

_MOST_SAID = 20  # characters of a text that is not a number


@dataclass(frozen=True)
class Pin:
    """A request: the annotation's `value`, and the inputs that it was made against.

    It holds until the inputs change, and is then over for good, with `inputs` "". `failed` says why the revision, which
    was tried, does not serve ("Reason: message").
    """

    value: str
    inputs: str
    failed: str = ""

    @property
    def number(self) -> str:
        """The revision's number, or the text in its place."""
        return (self.value.split() or [repr(self.value)])[0][:_MOST_SAID]

    @property
    def generation(self) -> int | None:
        """The generation that the request was made against, if it says so (generation=7), as lmd rollback does."""
        texts = (word.removeprefix("generation=") for word in self.value.split() if word.startswith("generation="))
        return next((int(text) for text in texts if text.isdecimal() and len(text) < _MOST_SAID), None)

    @property
    def failure(self) -> Failure:
        """Why the revision does not serve, parsed from `failed`."""
        return Failure.parse(self.failed)

    def text(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class ObservedSpec:
    """The user's wishes at one time: the digest of the inputs, and their generation."""

    inputs: str
    generation: int


def parse(text: str) -> Pin | None:
    """The request in a text of `Pin.text()`, also a later operator's, or None if it is empty."""
    return state_file.known(json.loads(text), Pin) if text else None


def remember(value: str | None, now: ObservedSpec, last: ObservedSpec, before: Pin | None) -> Pin | None:
    """The request to remember for the annotation's value.

    `before` is the remembered one, `last` the wishes that were seen last, with inputs "" if there are none. A request
    that is first seen together with other inputs counts as later only if it says so, so that an older one never
    overrules the spec.
    """
    if value is None:
        return None
    if before and before.value == value:
        return before if before.inputs == now.inputs else replace(before, inputs="")
    asked = Pin(value, now.inputs)
    # within one generation, inputs change if something was edited that the spec refers to
    is_later = asked.generation == now.generation > last.generation
    return asked if last.inputs and (now.inputs == last.inputs or is_later) else replace(asked, inputs="")
