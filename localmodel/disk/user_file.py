"""Writes files that are the user's, as an editor would: links and modes stay, and new files follow the umask."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from localmodel.disk.executable import Executable


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A binary file that replaces `path`, or what a link there leads to, when the block ends without an exception.

    `mode` is that of a new file, before the umask.
    """
    place = Path(os.path.realpath(path))
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name[:40]}.{secrets.token_hex(4)}")
    # Not with mkstemp(), whose files are for their owner alone.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if place.exists():
                os.fchmod(descriptor, stat.S_IMODE(place.stat().st_mode))
            yield file
            file.flush()
            os.fsync(descriptor)
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write(path: Path, content: bytes) -> None:
    """Replace the file's content atomically; a new file is executable if the content is an `Executable`."""
    with replacing(path, 0o777 if isinstance(content, Executable) else 0o666) as file:
        file.write(content)
