"""All that is wrong in a file or a list, told at once: who corrects one line at a time tries again for each."""

import contextlib
from collections.abc import Iterator

from localmodel import reasons
from localmodel.errors import UserError

_MOST = 40


class Faults:
    """What was wrong so far, each with its place."""

    def __init__(self) -> None:
        self._found: list[UserError] = []

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """An error of the block is kept, and what follows the block goes on."""
        try:
            yield
        except UserError as error:
            self._found.append(error)

    def tell(self) -> None:
        """
        Raises:
            UserError: there were any; a line for each, with the first one's reason.
        """
        if not self._found:
            return
        lines = [str(error) for error in self._found[:_MOST]]
        if len(self._found) > _MOST:
            lines.append(f"and {len(self._found) - _MOST} more")
        raise UserError(self._found[0].reason, "\n".join(lines))


def invalid(where: str, what: str) -> UserError:
    """`where` is a file, or a file and a line: environment.yml:7."""
    return UserError(reasons.ENVIRONMENT_INVALID, f"{where}: {what}")
