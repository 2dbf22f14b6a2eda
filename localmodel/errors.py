"""The one error that is meant for the user."""

# The reason of what was given up because something newer was asked for.
SUPERSEDED = "Superseded"


class UserError(Exception):
    """An error that the user can put right. Its text says what is wrong, where, and what to do.

    Attributes:
        reason: one CamelCase word for programs, such as `ModelNotFound`; also the reason of a condition.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
