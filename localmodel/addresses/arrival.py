"""Where the files of a model arrive: checked, counted, hashed, and never more than the disk has room for."""

import hashlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from localmodel import reasons
from localmodel.disk import files
from localmodel.errors import UserError

Meter = Callable[[int, int], None]  # gets the bytes done and the bytes in all
CHUNK = 1 << 20
MOST_FILES = 10_000
_LONGEST_PATH = 1000
_LONGEST_NAME = 200


class NotFetched(Exception):
    """Nothing arrives: the content is known by its `mark`, or ("") the place was only asked which content it has."""

    def __init__(self, mark: str) -> None:
        super().__init__(mark)
        self.mark = mark


class Arrival:
    """A folder that the files of one model arrive in.

    The store copies them into a layer afterwards, so that they may take half of what is free on the disk. `known` are
    marks of contents that need not arrive again; with `only_ask`, none does. `mark` is that of what has arrived, or ""
    where the place gives none.
    """

    def __init__(
        self,
        folder: Path,
        shown: str,
        progress: Meter | None,
        known: Collection[str] = (),
        only_ask: bool = False,
    ) -> None:
        self.folder, self.shown, self.known, self.mark = folder, shown, known, ""
        self._only_ask = only_ask
        self._progress, self._done, self._total = progress, 0, 0
        self._most = files.free(folder) // 2

    def identify(self, mark: str) -> None:
        """Say what the place calls the content that it has now, before that arrives; "" if it has no name for it.

        Raises:
            NotFetched: it need not arrive.
        """
        if mark in self.known:
            raise NotFetched(mark)
        if self._only_ask:
            raise NotFetched("")
        self.mark = mark

    def expect(self, names: Iterable[str], size: int) -> None:
        """Say which files will arrive, and how many bytes they have together.

        Raises:
            UserError: TooManyFiles, StoreFull, AddressRefused.
        """
        count = 0
        for count, name in enumerate(names, 1):
            if count > MOST_FILES:
                raise UserError(
                    reasons.TOO_MANY_FILES, f"{self.shown}: more than {MOST_FILES:,} files; name one folder of them"
                )
            self._path(name)
        if not count:
            raise UserError(reasons.ADDRESS_NOT_FOUND, f"{self.shown}: there is no file")
        self.expect_more(size)

    def expect_more(self, size: int) -> None:
        """Say how many bytes will arrive after those that have.

        Raises:
            UserError: StoreFull.
        """
        self._total = max(self._total, self._done + size)
        self._check_room(self._total)

    def file(self, name: str) -> "ArrivingFile":
        """The file of this path below the folder, to be written."""
        return ArrivingFile(self, self._path(name))

    def count(self, size: int) -> None:
        """Note that so many bytes have arrived, or, if negative, have to arrive again."""
        self._done += size
        self._check_room(self._done)
        if self._progress:
            self._progress(self._done, max(self._done, self._total))

    def _path(self, name: str) -> Path:
        inside = PurePosixPath(name)
        leads_out = not inside.parts or inside.is_absolute() or ".." in inside.parts
        too_long = len(name) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in inside.parts)
        if leads_out or too_long or not name.isprintable():
            raise UserError(reasons.ADDRESS_REFUSED, f"{self.shown}: {name[:80]!r} cannot be the path of a file")
        return self.folder / inside

    def _check_room(self, size: int) -> None:
        if size > self._most:
            raise UserError(
                reasons.STORE_FULL,
                f"{self.shown}: the model has {size:,} bytes or more, and the disk of {self.folder.parent} has room "
                f"for {self._most:,}, because it is copied once; free space, or move the store with LOCALMODEL_HOME",
            )


class ArrivingFile:
    """A file that is written in pieces, and hashed while it is."""

    def __init__(self, arrival: Arrival, path: Path) -> None:
        self.path = path
        self._arrival, self.size, self._hash = arrival, 0, hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("wb")

    def __enter__(self) -> "ArrivingFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, chunk: bytes) -> None:
        with files.room(self._arrival.folder):
            self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)
        self._arrival.count(len(chunk))

    def expect(self, size: int) -> None:
        """Say how many bytes the file will have, or -1.

        Raises:
            UserError: StoreFull.
        """
        self._arrival.expect_more(size)

    def restart(self) -> None:
        """Forget what has come, because it has to come again."""
        self._file.seek(0)
        self._file.truncate()
        self._arrival.count(-self.size)
        self.size, self._hash = 0, hashlib.sha256()

    def finish(self, sha256: str, shown: str) -> None:
        """Check what has come against the hex digits, unless there are none. `shown` is the file's address.

        Raises:
            UserError: DigestMismatch.
        """
        with files.room(self._arrival.folder):
            self._file.flush()
        if sha256 and self._hash.hexdigest() != sha256:
            raise mismatch(shown, sha256, self._hash.hexdigest())


def mismatch(shown: str, wanted: str, real: str) -> UserError:
    """The error for a file that is another than the one that was named."""
    return UserError(
        reasons.DIGEST_MISMATCH,
        f"{shown}: the file has sha256={real}, and not {wanted}; nothing was taken in. It has changed there, or was "
        "damaged on its way",
    )
