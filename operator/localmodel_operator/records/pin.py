"""A revision that was asked for by annotation: which request holds, and what ends it.

An annotation does not change the generation, and it can come together with an edit of which nobody knows whether it
was made before or after. So a request says what it was made against, or is held against what was seen last.
"""

import json
from dataclasses import asdict, dataclass, replace

from localmodel_operator.failure import Failure

_MOST_SAID = 20  # characters of what is no number


@dataclass(frozen=True)
class Pin:
    """A request: `value` as it stands in the annotation, and the inputs that it was made against.

    It holds until the inputs are others, and is over then for good: `inputs` are "". `failed` is why the revision,
    which was tried, does not serve ("Reason: message").
    """

    value: str
    inputs: str
    failed: str = ""

    @property
    def number(self) -> str:
        """The revision's number, or what stands in its place."""
        return (self.value.split() or [repr(self.value)])[0][:_MOST_SAID]

    @property
    def generation(self) -> int | None:
        """The generation that it says to be made against, as lmd rollback does: a word generation=7."""
        told = (word.removeprefix("generation=") for word in self.value.split() if word.startswith("generation="))
        return next((int(each) for each in told if each.isdecimal() and len(each) < _MOST_SAID), None)

    @property
    def failure(self) -> Failure:
        """Why the revision does not serve, read from `failed`."""
        return Failure.parse(self.failed)

    def text(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class ObservedSpec:
    """The user's wishes at one look: the digest of the inputs, and the generation that they are of."""

    inputs: str
    generation: int


def parse(text: str) -> Pin | None:
    return Pin(**json.loads(text)) if text else None


def remember(value: str | None, now: ObservedSpec, last: ObservedSpec, before: Pin | None) -> Pin | None:
    """The request to remember for the annotation's value. `before` is the one that was remembered, `last` what was
    seen last; its inputs are "" where nothing was.

    A request that is first seen together with other inputs is later than them only if it says so: what the spec says
    is not overruled by what may be older.
    """
    if value is None:
        return None
    if before and before.value == value:
        return before if before.inputs == now.inputs else replace(before, inputs="")
    asked = Pin(value, now.inputs)
    # of one generation there are other inputs where something was edited that the spec refers to
    is_later = asked.generation == now.generation > last.generation
    return asked if last.inputs and (now.inputs == last.inputs or is_later) else replace(asked, inputs="")
