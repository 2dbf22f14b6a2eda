"""Writes what is missing into a requirements file."""

import re
from pathlib import Path

from localmodel.disk import user_file
from localmodel.imports.missing import additions
from localmodel.requirements import hashes, misnamed
from localmodel_untrusted import distributions
from localmodel_untrusted.files import decoded, read_file


def says(error: str) -> bool:
    """Whether an error says what to write."""
    return bool(additions(error) or misnamed.corrections(error))


def write(path: Path, error: str) -> list[str]:
    """Make the change that an error of `missing` or `misnamed` asks for in the requirements file, or create it.

    Comments and the order of lines stay. Returns the written lines; none if the error asks for no change.

    Raises:
        OSError, UnreadableError: the file cannot be read or written.
    """
    before = decoded(read_file(path) or b"")
    renamed = misnamed.corrections(error)
    lines, written = [], []
    for line in before.splitlines(keepends=True):
        right = renamed.get(distributions.normalized(hashes.name(line)))
        lines.append(re.sub(r"[A-Za-z0-9._-]+", right, line, count=1) if right else line)
        written += [lines[-1].strip()] if right else []
    end = "\r\n" if "\r\n" in before else "\n"
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    new = additions(error)
    if written or new:
        user_file.write(path, "".join([*lines, *(f"{line}{end}" for line in new)]).encode())
    return [*written, *new]
