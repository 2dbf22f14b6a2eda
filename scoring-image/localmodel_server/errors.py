"""The ways that a request ends without an answer from the script."""

from __future__ import annotations


class BadRequestError(Exception):
    """The client's mistake: status is 4xx (501 for what this server does not offer), the text is for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class UnavailableError(Exception):
    """No worker can take the request now; the text says why. Trying again later may succeed."""


class ClientGoneError(Exception):
    """The client has closed the connection."""
