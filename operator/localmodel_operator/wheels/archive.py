"""Checks what a build has handed out. Anything may have been built, so nothing in it is believed."""

import io
import zipfile
from email.parser import BytesParser
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from localmodel import reasons
from localmodel.environments.layers.packages import Kind
from localmodel.environments.locks import own_wheels, wheels
from localmodel.errors import UserError

MOST_BYTES = 512 << 20  # of the file
_MOST_UNPACKED, _MOST_FILES, _MOST_OF_METADATA = 4 << 30, 100_000, 4 << 20
_MOST_OF_LIST = 16 << 20  # bytes, of the archive's list of its files, which is read into memory at once
_LONGEST_NAME = 200  # of the file
_LONGEST_CAUSE = 200  # an error may quote what it cannot read
_LISTED = b"PK\x01\x02"  # begins each of its entries


def check(path: Path, name: str, requirement: str, kind: Kind) -> None:
    """Check that the file is a wheel of the required package, for this Python and processor.

    `name` is the file name that it came with.

    Raises:
        UserError: EnvironmentBuildFailed.
    """
    try:
        wrong = _wrong_name(name, requirement, kind) or _wrong_content(path, name)
    except _TooLargeError as error:
        wrong = str(error)
    except Exception as error:  # what is in it may break any of those that read it
        wrong = f"it cannot be read: {' '.join(str(error).split())[:_LONGEST_CAUSE]}"
    if wrong:
        raise UserError(
            reasons.ENVIRONMENT_BUILD_FAILED,
            f"spec.environment.requirements: what was built of {requirement} is refused: {wrong}",
        )


def _wrong_name(name: str, requirement: str, kind: Kind) -> str:
    wanted = Requirement(requirement)
    if len(name) > _LONGEST_NAME or not name.isascii():
        return f"its name has more than {_LONGEST_NAME} characters, or others than ASCII"
    try:
        package, version, _, tags = parse_wheel_filename(name)
    except (InvalidWheelFilename, InvalidVersion):
        return "it does not have the name of a wheel"
    if "/" in name:
        return "its name is a path"
    if package != canonicalize_name(wanted.name):
        return "it is a wheel of another package"
    if not wanted.specifier.contains(version, prereleases=True):
        return f"it is a wheel of version {version}"
    if tags.isdisjoint(own_wheels.fitting(kind.python, tuple(wheels.platforms(kind.architecture)))):
        return f"it is not for Python {kind.python} on linux/{kind.architecture}"
    return ""


def _wrong_content(path: Path, name: str) -> str:
    package, version, *_ = parse_wheel_filename(name)
    with _Bounded(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > _MOST_FILES or sum(member.file_size for member in members) > _MOST_UNPACKED:
            return _too_large()
        if outside := next((member for member in members if _is_outside(member.filename)), None):
            return f"it has a file {outside.filename[:100]!r}"
        described = [member for member in members if _is_metadata(member.filename)]
        if len(described) != 1 or described[0].file_size > _MOST_OF_METADATA:
            return "it does not have one METADATA"
        if described[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return "its METADATA is compressed in another way than wheels are"  # and has no bound while it is read
        with archive.open(described[0]) as described_by:
            metadata = BytesParser().parsebytes(described_by.read(_MOST_OF_METADATA), headersonly=True)
    if canonicalize_name(metadata["Name"] or "") != package or Version(metadata["Version"] or "") != version:
        return "its METADATA is of another package or version"
    return ""


class _TooLargeError(Exception):
    """The archive holds too much; the text says so."""


class _Bounded(io.BufferedReader):
    """A file of which `zipfile`, which has no bound of its own, reads no list of files that would fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MOST_OF_LIST:
            raise _TooLargeError(_too_large())
        content = super().read(size)
        if content.count(_LISTED) > _MOST_FILES:
            raise _TooLargeError(_too_large())
        return content


def _too_large() -> str:
    return f"it has more than {_MOST_FILES} files or {_MOST_UNPACKED >> 30} GB"


def _is_outside(name: str) -> bool:
    return name.startswith("/") or "\\" in name or ".." in PurePosixPath(name).parts


def _is_metadata(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return file == "METADATA" and folder.endswith(".dist-info") and "/" not in folder
