"""The one thing that is kept of a file beside its content: whether its owner may execute it."""

import stat
from pathlib import Path


class Executable(bytes):
    """The content of a file that its owner may execute; that of any other is plain bytes."""

    __slots__ = ()


def is_executable(file: Path) -> bool:
    """Whether its owner may execute the file."""
    return bool(file.stat().st_mode & stat.S_IXUSR)


def read(file: Path) -> bytes:
    """What the file holds, as Executable where it is one."""
    content = file.read_bytes()
    return Executable(content) if is_executable(file) else content


def write(file: Path, content: bytes) -> None:
    """Make the file, and the folders that it lies in; it can be executed if it could."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    if isinstance(content, Executable):
        file.chmod(0o755)
