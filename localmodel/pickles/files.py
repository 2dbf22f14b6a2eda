"""Finds pickles in files: bare, compressed, in NumPy's files, in zip archives such as PyTorch's."""

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
class FileReport:
    """A file, or a member of an archive. `findings` is None if it is not a pickle; `problem` says what was not read."""

    name: str
    format: str = "pickle"
    compression: str = ""
    findings: Findings | None = None
    problem: str = ""


def look(name: str, path: Path, budget: Budget) -> Iterator[FileReport]:
    """The reports on a file: several for an archive, and an empty one for most files that are not pickles."""
    try:
        with path.open("rb") as file:
            start = file.peek(_START)
            if start.startswith(_ZIP):
                yield from _archive(name, file, budget)
            elif compression := compressed.kind(start):
                yield _compressed(name, file, compression, budget)
            else:
                yield _bare(FileReport(name), file, path.stat().st_size, budget)
    except OSError as error:
        yield FileReport(name, problem=error.strerror or str(error))


def _compressed(name: str, file: File, compression: str, budget: Budget) -> FileReport:
    report = FileReport(name, compression=compression)
    try:
        return _bare(report, compressed.unpacked(file, compression, budget), None, budget)
    except UnreadablePickleError as error:
        # Only a file named like a pickle should contain one.
        report.problem = str(error) if _is_named_so(name) else ""
        return report


def _archive(name: str, file: IO[bytes], budget: Budget) -> Iterator[FileReport]:
    try:
        with zipfile.ZipFile(_Cautious(file)) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                yield FileReport(
                    name, problem=f"only the first {_MOST_MEMBERS} of its {len(members)} files are looked at"
                )
            for member in members[:_MOST_MEMBERS]:
                yield _member(FileReport(f"{name}/{member.filename}"), archive, member, budget)
    except _DAMAGES as error:
        yield FileReport(name, problem=f"it is a damaged archive ({error})")


def _member(report: FileReport, archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> FileReport:
    try:
        with archive.open(member) as content:
            # Without its size, which is only the archive's claim, and is not needed to read forwards.
            return _bare(report, content, None, budget)
    except _DAMAGES as error:
        report.problem = f"it is damaged, or encrypted ({error})"
        return report


class _Cautious:
    """An archive's file that refuses reads of too many bytes at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(_LONGEST_ZIP_READ + 1 if size < 0 else min(size, _LONGEST_ZIP_READ + 1))
        if len(data) > _LONGEST_ZIP_READ:
            raise ValueError("its directory is too large")
        return data


def _bare(report: FileReport, file: Any, size: int | None, budget: Budget) -> FileReport:
    """Complete the report on a file that is not compressed, or is unpacked."""
    start = file.peek(_START)
    stream = Stream(file, size, budget)
    try:
        budget.check()
        if start.startswith(_NPY):
            report.format = "numpy"
            if not _holds_objects(stream):
                return report
        elif start.startswith(_OLD_JOBLIB):
            raise UnreadablePickleError(
                "a joblib older than 0.10 wrote it: load it with that one, save it with a newer one"
            )
        elif start.startswith(_ZIP):
            raise UnreadablePickleError("it is an archive inside another file, which is not read")
    except UnreadablePickleError as error:
        report.problem = str(error)
        return report
    _pickles(report, stream, expected=_is_pickle(start) or _is_named_so(report.name))
    return report


def _is_pickle(start: bytes) -> bool:
    return start[:1] == b"\x80" and start[1:2] <= b"\x05"


def _is_named_so(name: str) -> bool:
    return not _ENDINGS.isdisjoint(suffix.lower() for suffix in PurePath(name).suffixes)


def _holds_objects(stream: Stream) -> bool:
    """Skip the header of NumPy's file; return whether it has an array of Python objects ("|O"), which is a pickle."""
    stream.skip(len(_NPY))
    major, _ = stream.read(2)
    length = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
    if length > _LONGEST_NPY_HEADER:
        raise UnreadablePickleError(f"its header says that it has {length} bytes")
    # Nothing else in the header has an O, except names of fields; then what follows is not a pickle.
    return b"O" in stream.read(length)


def _pickles(report: FileReport, stream: Stream, expected: bool) -> None:
    """Follow one pickle after another.

    Other files are also read as pickles, because the oldest protocols have no mark at their beginning. They count if
    they are valid to the end and import something, or if something unsafe is called before an error.
    """
    findings = Findings()
    complete = 0
    problem = ""
    try:
        while not complete or not stream.at_end():
            imported = len(findings.globals)
            follow(stream, findings)
            complete += 1
    except ExhaustedError as error:
        problem = str(error)
    except UnreadablePickleError as error:
        # Other data may follow a pickle, such as the numbers in PyTorch's older files.
        problem = str(error) if not complete or len(findings.globals) > imported else ""
    finally:
        if expected or findings.called or (complete and findings.globals):
            report.findings = findings
            report.problem = problem
