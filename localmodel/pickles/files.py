"""The forms in which pickles lie in files: bare, compressed, in NumPy's files, in zip archives such as PyTorch's."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any

from localmodel.pickles import compressed
from localmodel.pickles.machine import Findings, follow
from localmodel.pickles.stream import Budget, ExhaustedError, File, Stream, UnreadablePickleError

_ENDINGS = {".pkl", ".pickle", ".joblib", ".sav", ".pck", ".p", ".dill", ".cloudpickle"}
_START = 16
_NPY = b"\x93NUMPY"
_ZIP = b"PK\x03\x04"
_OLD_JOBLIB = b"ZF0x"
_LONGEST_NPY_HEADER = 1 << 20
# A directory of so many bytes has a hundred thousand entries.
_LONGEST_ZIP_READ = 8 << 20
_MOST_MEMBERS = 10_000
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, LookupError, RuntimeError)


@dataclass
class Found:
    """A file, or a member of an archive. `findings` is None when it is no pickle, `problem` says what was not read."""

    name: str
    format: str = "pickle"
    compression: str = ""
    findings: Findings | None = None
    problem: str = ""


def look(name: str, path: Path, budget: Budget) -> Iterator[Found]:
    """What is in the file; several for an archive, and nothing to be told of most that are no pickles."""
    try:
        with path.open("rb") as file:
            start = file.peek(_START)
            if start.startswith(_ZIP):
                yield from _archive(name, file, budget)
            elif compression := compressed.kind(start):
                yield _compressed(name, file, compression, budget)
            else:
                yield _bare(Found(name), file, path.stat().st_size, budget)
    except OSError as error:
        yield Found(name, problem=error.strerror or str(error))


def _compressed(name: str, file: File, compression: str, budget: Budget) -> Found:
    found = Found(name, compression=compression)
    try:
        return _bare(found, compressed.unpacked(file, compression, budget), None, budget)
    except UnreadablePickleError as error:
        # Only of a pickle is it known that there should be one.
        found.problem = str(error) if _is_named_so(name) else ""
        return found


def _archive(name: str, file: IO[bytes], budget: Budget) -> Iterator[Found]:
    try:
        with zipfile.ZipFile(_Cautious(file)) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                yield Found(name, problem=f"only the first {_MOST_MEMBERS} of its {len(members)} files are looked at")
            for member in members[:_MOST_MEMBERS]:
                yield _member(Found(f"{name}/{member.filename}"), archive, member, budget)
    except _DAMAGES as error:
        yield Found(name, problem=f"it is a damaged archive ({error})")


def _member(found: Found, archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> Found:
    try:
        with archive.open(member) as content:
            # Without its size: it is the archive's word, and going forward is unpacking anyway.
            return _bare(found, content, None, budget)
    except _DAMAGES as error:
        found.problem = f"it is damaged, or encrypted ({error})"
        return found


class _Cautious:
    """An archive's file that refuses to be read in too large pieces."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(_LONGEST_ZIP_READ + 1 if size < 0 else min(size, _LONGEST_ZIP_READ + 1))
        if len(data) > _LONGEST_ZIP_READ:
            raise ValueError("its directory is too large")
        return data


def _bare(found: Found, file: Any, size: int | None, budget: Budget) -> Found:
    """Fill in what is in a file that is not compressed (any more)."""
    start = file.peek(_START)
    stream = Stream(file, size, budget)
    try:
        budget.check()
        if start.startswith(_NPY):
            found.format = "numpy"
            if not _holds_objects(stream):
                return found
        elif start.startswith(_OLD_JOBLIB):
            raise UnreadablePickleError(
                "a joblib older than 0.10 wrote it: load it with that one, save it with a newer one"
            )
        elif start.startswith(_ZIP):
            raise UnreadablePickleError("it is an archive inside another file, which is not read")
    except UnreadablePickleError as error:
        found.problem = str(error)
        return found
    _pickles(found, stream, expected=_is_pickle(start) or _is_named_so(found.name))
    return found


def _is_pickle(start: bytes) -> bool:
    return start[:1] == b"\x80" and start[1:2] <= b"\x05"


def _is_named_so(name: str) -> bool:
    return not _ENDINGS.isdisjoint(suffix.lower() for suffix in PurePath(name).suffixes)


def _holds_objects(stream: Stream) -> bool:
    """Go on behind the header of NumPy's file; an array of Python objects, "|O", is a pickle there."""
    stream.skip(len(_NPY))
    major, _ = stream.read(2)
    length = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
    if length > _LONGEST_NPY_HEADER:
        raise UnreadablePickleError(f"its header says that it has {length} bytes")
    # No other word of the header has an O, except names of fields; then what follows is no pickle.
    return b"O" in stream.read(length)


def _pickles(found: Found, stream: Stream, expected: bool) -> None:
    """Follow one pickle after the other.

    Other files are read as one, too, for the oldest protocols begin with nothing to tell them by. They count when they
    are one to the end and import something, or when something unsafe is called before that.
    """
    findings = Findings()
    whole = 0
    problem = ""
    try:
        while not whole or not stream.at_end():
            imported = len(findings.globals)
            follow(stream, findings)
            whole += 1
    except ExhaustedError as error:
        problem = str(error)
    except UnreadablePickleError as error:
        # Behind a pickle there may be other things, such as the numbers in PyTorch's older files.
        problem = str(error) if not whole or len(findings.globals) > imported else ""
    finally:
        if expected or findings.called or (whole and findings.globals):
            found.findings = findings
            found.problem = problem
