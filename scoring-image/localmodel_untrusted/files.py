"""Reads files that may be anything, without waiting and with bounded memory."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path
from typing import Optional, Union

_MOST_BYTES = 1024 * 1024
_CHUNK = 1024 * 1024
UTF16 = "it is UTF-16, as PowerShell's > writes it: save it as UTF-8"


class UnreadableError(ValueError):
    """The file is not what it should be; the text says why."""


def read_file(path: Union[Path, str], most_bytes: int = _MOST_BYTES, piped: bool = False) -> Optional[bytes]:
    """The content of a file of at most most_bytes; None where there is none, or a link leads nowhere.

    With `piped`, a pipe that the shell has made (`<(command)` is /dev/fd/63) is read to its end.

    Raises:
        UnreadableError
    """
    try:
        # A pipe in its place would keep a reader waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UnreadableError(_why(error)) from error
    try:
        status = os.fstat(descriptor)
        if piped and stat.S_ISFIFO(status.st_mode) and str(path).startswith("/dev/"):
            os.set_blocking(descriptor, True)
        elif not stat.S_ISREG(status.st_mode):
            raise UnreadableError("it is not a file")
        size = min(status.st_size, most_bytes)  # memory is taken for as much as is asked for
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(size + 1)
            # it grows, or the system does not tell its size
            while size < len(content) <= most_bytes and (more := file.read(min(_CHUNK, most_bytes + 1 - len(content)))):
                content += more
    except OSError as error:
        raise UnreadableError(_why(error)) from error
    finally:
        os.close(descriptor)
    if len(content) > most_bytes:
        raise UnreadableError(f"it is larger than {most_bytes} bytes")
    return content


def is_utf16(content: bytes) -> bool:
    """Whether the content starts with a byte order mark of UTF-16."""
    return content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def decoded(content: bytes) -> str:
    """
    Raises:
        UnreadableError
    """
    if is_utf16(content):
        raise UnreadableError(UTF16)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not text in UTF-8: {error.reason} at byte {error.start}") from None


def _why(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
