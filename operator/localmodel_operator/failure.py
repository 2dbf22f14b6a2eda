"""Why a revision does not serve."""

from typing import NamedTuple

from localmodel.reasons import Reason

_LIMIT = 4096  # characters that are kept


class Failure(NamedTuple):
    """A reason and a sentence; `text` is how records keep both."""

    reason: Reason
    message: str

    @property
    def text(self) -> str:
        """`Reason: message`, cut to what is kept."""
        return f"{self.reason}: {self.message}"[:_LIMIT]

    @classmethod
    def parse(cls, text: str) -> "Failure":
        """The failure that `text` keeps."""
        reason, _, message = text.partition(": ")
        return cls(Reason(reason), message)
