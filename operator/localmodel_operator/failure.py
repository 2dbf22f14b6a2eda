"""The failure of a revision."""

from typing import NamedTuple

from localmodel.reasons import Reason

_LIMIT = 4096  # characters that are kept


class Failure(NamedTuple):
    """Why a revision does not serve: a reason and a sentence. Records keep both as `text`."""

    reason: Reason
    message: str

    @property
    def text(self) -> str:
        """`Reason: message`, cut to the limit."""
        return f"{self.reason}: {self.message}"[:_LIMIT]

    @classmethod
    def parse(cls, text: str) -> "Failure":
        """The failure in such a text."""
        reason, _, message = text.partition(": ")
        return cls(Reason(reason), message)
