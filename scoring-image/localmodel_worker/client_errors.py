"""Requests that the client has to change."""

from __future__ import annotations


class BadRequest(ValueError):
    """The request cannot be given to run(); the text says why, status is a 4xx."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
