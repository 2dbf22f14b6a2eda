"""The one error of a request that a dialect cannot read."""

from __future__ import annotations


class BadRequest(Exception):
    """The client's mistake: status is 4xx (501 for what no model here can do), the text is for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
