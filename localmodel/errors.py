"""The one error that is meant for the user."""

# The reason of what was given up because something newer was asked for.
SUPERSEDED = "Superseded"


class UserError(Exception):
    """Something only the user can put right: what is wrong, where, and what to do.

    `reason` is one CamelCase word for programs (it becomes a condition's reason), `str()` is the sentence.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
