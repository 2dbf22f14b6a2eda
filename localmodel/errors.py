"""The one error that is meant for the user."""

from localmodel.reasons import Reason


class UserError(Exception):
    """An error that the user can put right. Its text says what is wrong, where, and what to do.

    Attributes:
        reason: one CamelCase word for programs, such as `ModelNotFound`; also the reason of a condition.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
