"""Errors that are the client's fault, never the script's."""

from __future__ import annotations


class BadRequestError(ValueError):
    """The request cannot be used; the text tells the client why. status is 400, or 415 for a wrong content type."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

    # A KeyError, which MissingFieldError is too, would show the text in quotes.
    def __str__(self) -> str:
        return str(self.args[0])


class MissingFieldError(BadRequestError, KeyError):
    """The script asked for a field or header that the request lacks."""

    def __init__(self, name: object) -> None:
        super().__init__(f"the request has no {name!r}")
