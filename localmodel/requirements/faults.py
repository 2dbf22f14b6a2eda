"""Collects everything that is wrong in a file or list, so that the user sees it all at once."""

import contextlib
from collections.abc import Iterator

from localmodel import reasons
from localmodel.errors import UserError

_MOST = 40


class Faults:
    """The faults so far, each with its place."""

    def __init__(self) -> None:
        self._faults: list[UserError] = []

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """A block whose error is collected instead of raised."""
        try:
            yield
        except UserError as error:
            self._faults.append(error)

    def tell(self) -> None:
        """Raise the collected faults.

        Raises:
            UserError: there are faults; the message has a line for each, the reason is that of the first.
        """
        if not self._faults:
            return
        lines = [str(error) for error in self._faults[:_MOST]]
        if len(self._faults) > _MOST:
            lines.append(f"and {len(self._faults) - _MOST} more")
        raise UserError(self._faults[0].reason, "\n".join(lines))


def invalid(where: str, what: str) -> UserError:
    """The error for an invalid environment. `where` is a file, or a file and a line (environment.yml:7)."""
    return UserError(reasons.ENVIRONMENT_INVALID, f"{where}: {what}")
