"""What is said of a revision that fails for what the one before it holds."""

import errno
import os

import pytest

from localmodel import exclusive


@pytest.mark.parametrize(
    "error",
    [
        f"init() failed: score.py:5: OSError: [Errno {errno.EADDRINUSE}] {os.strerror(errno.EADDRINUSE)}",
        f"init() failed: score.py:3: BlockingIOError: [Errno {errno.EWOULDBLOCK}] {os.strerror(errno.EWOULDBLOCK)}",
        "init() failed: score.py:3: RuntimeError: no\nTraceback …\nsqlite3.OperationalError: database is locked\n…",
        "init() failed: score.py:3: OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
    ],
)
def test_the_revision_that_serves_may_hold_it(error: str) -> None:
    assert "revision 4, which serves, may hold it" in exclusive.advice(error, 4)
    assert "spec.update.strategy: Recreate" in exclusive.advice(error, 4)
    assert exclusive.advice(error, None) == "", "nobody else is there"


def test_of_other_errors_nothing_is_said() -> None:
    assert exclusive.advice("init() failed: score.py:4: KeyError: 'age'", 4) == ""
