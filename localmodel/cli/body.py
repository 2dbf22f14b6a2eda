"""The request body that a command sends: from a file, a pipe of the shell (`<(...)`), or standard input (`-`)."""

import sys
from pathlib import Path

from localmodel.cli.output import Failure
from localmodel_untrusted.files import UnreadableError, read_file

_MOST_BYTES = 1 << 30


def read(path: Path) -> bytes:
    """
    Raises:
        Failure: it cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        content = read_file(path, _MOST_BYTES, piped=True)
    except UnreadableError as error:
        raise Failure(f"{path}: cannot be read: {error}") from None
    if content is None:
        raise Failure(f"{path}: no such file")
    return content
