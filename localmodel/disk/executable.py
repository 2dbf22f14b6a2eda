"""Keeps the owner's executable bit together with a file's content."""

import stat
from pathlib import Path


class Executable(bytes):
    """The content of a file that its owner may execute; the content of other files is plain bytes."""

    __slots__ = ()


def is_executable(file: Path) -> bool:
    """Whether its owner may execute the file."""
    return bool(file.stat().st_mode & stat.S_IXUSR)


def read(file: Path) -> bytes:
    """The file's content, as `Executable` if it is executable."""
    content = file.read_bytes()
    return Executable(content) if is_executable(file) else content


def write(file: Path, content: bytes) -> None:
    """Create the file and its folders; it is executable if the content is an `Executable`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    if isinstance(content, Executable):
        file.chmod(0o755)
