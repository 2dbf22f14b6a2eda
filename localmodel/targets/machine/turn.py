"""Turns to change a deployment on this machine: one command at a time, and the newest goes first.

The lock file holds the mark of the newest command. A command that works or waits gives way to another one's mark.
"""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from localmodel import reasons
from localmodel.disk import files
from localmodel.errors import UserError
from localmodel.output.so_far import SoFar

_POLL_SECONDS = 0.01
_MARK_BYTES = 16


class Turn:
    """A command's turn with the deployment `name`. `lock` is the descriptor of the lock file."""

    def __init__(self, name: str, lock: int) -> None:
        self._name, self._lock = name, lock
        self._mark = secrets.token_bytes(_MARK_BYTES)
        self._before = self._newest()
        os.pwrite(lock, self._mark, 0)

    def check(self) -> None:
        """Give way to a newer command that waits for its turn, or has it.

        Raises:
            UserError: Superseded.
        """
        if self._newest() != self._mark:
            raise UserError(
                reasons.SUPERSEDED,
                f"a newer command has taken over {self._name}: this one stopped before its revision served",
            )

    def wait(self, seconds: float, note: Callable[[str], None]) -> None:
        """Wait until no other command works.

        Raises:
            UserError: Superseded, Busy.
        """
        end = time.monotonic() + seconds
        so_far = SoFar(note, f"another command is still changing {self._name}")
        while not self._is_taken():
            self.check()
            so_far.look()
            if time.monotonic() > end:
                self._leave()
                raise UserError(
                    reasons.BUSY, f"another command is changing {self._name} right now; try again when it has finished"
                )
            try:
                time.sleep(_POLL_SECONDS)
            except BaseException:
                self._leave()
                raise

    def _is_taken(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _leave(self) -> None:
        """Take the mark away, so that the working command goes on."""
        if self._newest() == self._mark:
            os.pwrite(self._lock, self._before.ljust(_MARK_BYTES, b"\0"), 0)

    def _newest(self) -> bytes:
        return os.pread(self._lock, _MARK_BYTES, 0)


@contextlib.contextmanager
def taken(name: str, path: Path, seconds: float, note: Callable[[str], None]) -> Iterator[Turn]:
    """A turn with the deployment `name`, whose lock file is at `path`, after others have given way.

    Raises:
        UserError: Superseded, Busy, StateDamaged.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock_file(path) as lock:
            turn = Turn(name, lock)
            turn.wait(seconds, note)
            if _is_at(lock, path):  # otherwise it was removed with its folder
                yield turn
                return


def is_taken(path: Path) -> bool:
    """Whether a command has its turn."""
    try:
        with files.lock_file(path, make=False) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _is_at(lock: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(lock), path.stat())
    return False
