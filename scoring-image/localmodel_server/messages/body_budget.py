"""Bounds the memory of all request bodies together: those arriving, waiting, and at a worker."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from localmodel_server.errors import UnavailableError

_LEAST_BYTES = 512 * 1024 * 1024


class BodyBudget:
    """The bytes of bodies that the server holds: at most two of the largest allowed, or 512 MiB if that is more."""

    def __init__(self, largest_body: Callable[[], int]) -> None:
        self.held = 0
        self._largest_body = largest_body

    def hold(self) -> HeldBody:
        """Reserve room for one body, and give it back at the end of a with statement."""
        return HeldBody(self)

    def add(self, size: int) -> None:
        """Take so many bytes.

        Raises:
            UnavailableError
        """
        held = self.held + size
        if held > _LEAST_BYTES and held > 2 * self._largest_body():
            raise UnavailableError(
                f"the server holds {self.held} bytes of other requests, and has no room for this one"
            )
        self.held = held


class HeldBody:
    """One body's share."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._size = 0

    def add(self, size: int) -> None:
        """Count bytes that have come.

        Raises:
            UnavailableError: there is no room for them.
        """
        self._budget.add(size)
        self._size += size

    def give_back(self) -> None:
        """Give back what the body took."""
        self._budget.held -= self._size
        self._size = 0

    def __enter__(self) -> HeldBody:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.give_back()
