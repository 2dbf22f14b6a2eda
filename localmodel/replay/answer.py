"""An answer that is compared."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError


@dataclass(frozen=True)
class Answer:
    """The status and the body of an answer, and how long it took."""

    status: int
    body: bytes
    milliseconds: float

    @cached_property
    def value(self) -> tuple[Any, ...]:
        """The value of its JSON in a tuple, which is empty if it is something else."""
        try:
            return (json_text.parse_loosely(self.body),)
        except UnreadableError:
            return ()
