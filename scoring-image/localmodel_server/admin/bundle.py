"""What the operator sends: a tar of a revision's code, of the models that the pod lacks, and of what it is called."""

from __future__ import annotations

import errno
import io
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Optional

if TYPE_CHECKING:
    import tarfile

DESCRIPTION = "bundle.json"
GATE = "gate.json"
CODE = "code"
MODELS = "models"
_MOST_MEMBERS = 100_000
# What the tar says of one member, and the two files that are read as a whole.
_MOST_WORDS = 4 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# What the system says where names cannot be files, or not both.
_NAMES = {errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ}
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class BadBundle(Exception):
    """The bundle cannot be used by any pod; the text says why."""


class Model(NamedTuple):
    """A model's version; digest is ``sha256:...``."""

    name: str
    version: str
    digest: str


class Description(NamedTuple):
    """bundle.json. A variable without a value is removed from those that the container was started with."""

    revision: str
    entry: str
    models: tuple[Model, ...]
    variables: Mapping[str, Optional[str]]
    content: str
    environment: str


def digest_hex(digest: str) -> str:
    """The hex part of ``sha256:...``, which is safe as a file's name; raises BadBundle."""
    if not _DIGEST.fullmatch(digest):
        raise BadBundle(f"{digest!r} is not a digest (sha256: and 64 hex digits)")
    return digest[7:]


def read_description(text: bytes) -> Description:
    """Read bundle.json; raises BadBundle."""
    try:
        told = json.loads(text)
        models = tuple(_model(each) for each in told["models"])
        variables = {str(name): _value(name, value) for name, value in told["variables"].items()}
        texts = [_text(told, name) for name in ("revision", "entry", "content", "environment")]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadBundle(f"{DESCRIPTION} cannot be read: {type(error).__name__}: {error}") from error
    revision, entry, content, environment = texts
    digest_hex(content)
    _path(entry)
    return Description(revision, entry, models, variables, content, environment)


def unpack(path: Path, target: Path, most_bytes: int) -> Description:
    """Unpack a bundle into an empty folder, as files that nobody can write to; returns its bundle.json.

    Only files and folders below ``code/`` and ``models/<hex>/``, bundle.json and gate.json are taken, of at most
    most_bytes in all. Raises BadBundle, or OSError when there is no room.
    """
    import tarfile  # the first bundle can wait for that, the server's start need not

    try:
        with _Bounded(io.FileIO(path)) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            _unpack_members(archive, file, target, most_bytes)
            file.seek(archive.offset)
            if file.read(tarfile.BLOCKSIZE).strip(b"\0") or file.tell() != archive.offset + tarfile.BLOCKSIZE:
                raise BadBundle("the tar is cut off, or broken in the middle")
        return read_description((target / DESCRIPTION).read_bytes())
    except tarfile.TarError as error:
        raise BadBundle(f"not a tar: {error}") from error
    except FileNotFoundError as error:
        raise BadBundle(f"there is no {DESCRIPTION} in it") from error
    except OSError as error:
        if error.errno in _NAMES:
            raise BadBundle(f"{error.filename}: {error.strerror}") from error
        raise


class _Bounded(io.BufferedReader):
    """A file for tarfile, which would read a header of any length into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As much as is asked for, if that is little; raises BadBundle."""
        if size is None or not 0 <= size <= _MOST_WORDS:
            raise BadBundle(f"a header of {size} bytes")
        return super().read(size)


def _unpack_members(archive: tarfile.TarFile, file: BinaryIO, target: Path, most_bytes: int) -> None:
    left = most_bytes
    folders: set[PurePosixPath] = set()
    for number, member in enumerate(archive):
        if member.size < 0:
            raise BadBundle(f"{member.name!r} has a size of {member.size} bytes")
        left -= member.size
        if number >= _MOST_MEMBERS:
            raise BadBundle(f"more than {_MOST_MEMBERS} files")
        if left < 0:
            raise BadBundle(f"more than {most_bytes} bytes when unpacked (LOCALMODEL_MAX_BUNDLE_BYTES)")
        path = _inside(member.name)
        if member.isdir():
            (target / path).mkdir(parents=True, exist_ok=True)
        elif member.isreg() and not member.issparse():
            if len(path.parts) == 1 and member.size > _MOST_WORDS:
                raise BadBundle(f"{path} is larger than {_MOST_WORDS} bytes")
            if path.parent not in folders:
                (target / path.parent).mkdir(parents=True, exist_ok=True)
                folders.add(path.parent)
            _copy(file, member.offset_data, member.size, target / path, 0o555 if member.mode & 0o100 else 0o444)
        else:
            raise BadBundle(f"{member.name!r} is neither a file nor a folder")


def _copy(file: BinaryIO, start: int, size: int, path: Path, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        while size:
            # In the kernel, so that the server's thread can go on.
            copied = os.sendfile(descriptor, file.fileno(), start, size)
            if not copied:
                raise BadBundle(f"the tar ends in the middle of {path.name}")
            start, size = start + copied, size - copied
    finally:
        os.close(descriptor)


def _inside(name: str) -> PurePosixPath:
    path = _path(name)
    top, *rest = path.parts
    if top == MODELS and rest:
        digest_hex(f"sha256:{rest[0]}")
    elif not (top in (CODE, MODELS) or (top in (DESCRIPTION, GATE) and not rest)):
        raise BadBundle(f"{name!r} belongs neither to {CODE}/ nor to {MODELS}/")
    return path


def _path(name: str) -> PurePosixPath:
    """A relative path that stays below its folder; raises BadBundle."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise BadBundle(f"the path {name!r} leads out of the bundle")
    return path


def _model(told: Any) -> Model:
    model = Model(_text(told, "name"), _text(told, "version"), _text(told, "digest"))
    digest_hex(model.digest)
    for part in model[:2]:
        if len(_path(part).parts) != 1:
            raise BadBundle(f"{part!r} is not the name of a model or version")
    return model


def _value(name: str, value: Any) -> str | None:
    if (value is not None and not isinstance(value, str)) or "\0" in f"{name}{value}" or "=" in name or not name:
        raise BadBundle(f"the variable {name!r} cannot be {json.dumps(value)}")
    return value


def _text(told: Any, name: str) -> str:
    value = told[name]
    if not isinstance(value, str):
        raise BadBundle(f"{DESCRIPTION}: {name} must be a text, not {json.dumps(value)}")
    return value
