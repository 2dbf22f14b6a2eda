"""Finds the source archive of a package where uv would look for its wheel, and fetches it. Nothing of it is run."""

import functools
import hashlib
import os
import re
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import requests
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from localmodel import reasons
from localmodel.environments.locks import uv
from localmodel.errors import UserError
from localmodel.oci import chunks
from localmodel.requirements import sources
from localmodel_untrusted import tar

_FIELD = "spec.environment.requirements"
_ENDING = ".tar.gz"
_TIMEOUT = (10, 60)  # seconds: to connect, and between two pieces
_LONGEST = 600.0  # seconds, for a page or an archive
_MOST_OF_PAGE, _MOST_PACKED, _MOST_UNPACKED, _MOST_OF_PROJECT = 64 << 20, 256 << 20, 1 << 30, 1 << 20
_MOST_MEMBERS = 100_000
_PIECE = 1 << 20
_PLACE = re.compile(r"--(?P<kind>index-url|extra-index-url|find-links) (?P<address>\S+)")
# What a project without a pyproject.toml is built with (packaging.python.org, "pyproject.toml specification").
_USUAL = ("setuptools", "wheel")


@dataclass(frozen=True)
class Offered:
    """A file that a place offers: its address or path, its SHA-256 or "", and the Pythons that it is for."""

    file: str
    address: str
    sha256: str = ""
    requires_python: str = ""
    is_yanked: bool = False


async def places() -> list[str]:
    """Where uv looks for packages, in its order: folders and pages of files first, then indexes."""
    options = ["--no-header", "--emit-index-url", "--emit-find-links", "--python", sys.executable]
    code, text, err = await uv.run_uv(["pip", "compile", "-", *options])
    if code != 0:
        raise uv.failure(reasons.REQUIREMENTS_UNRESOLVABLE, _FIELD, err)
    kinds: dict[str, list[str]] = {"find-links": [], "extra-index-url": [], "index-url": []}
    for match in _PLACE.finditer(text):
        kinds[match["kind"]].append(match["address"].removeprefix("file://"))
    indexes = [f"{url.rstrip('/')}/" for url in (*kinds["extra-index-url"], *kinds["index-url"])]
    return [*kinds["find-links"], *indexes]


def find(requirement: str, python: str, where: Iterable[str]) -> Offered:
    """The newest source archive for the requirement, of the first place that has any file of the package.

    Raises:
        UserError: WheelMissing, PackageIndexUnreachable.
    """
    wanted = Requirement(requirement)
    name = canonicalize_name(wanted.name)
    for place in where:
        offered = list(_offered(place, name))
        if any(_package(file.file) == name for file in offered):
            if best := choose(offered, wanted, python):
                return best
            break
    raise UserError(
        reasons.WHEEL_MISSING,
        f"{_FIELD}: {requirement} has neither a wheel for Python {python} nor a source archive ({_ENDING}) of which "
        "one could be built: ask for another version",
    )


def choose(offered: Iterable[Offered], wanted: Requirement, python: str) -> Offered | None:
    """The newest source archive that the requirement and the Python allow."""
    is_pinned = any(part.operator in ("==", "===") for part in wanted.specifier)
    fitting: list[tuple[Version, Offered]] = []
    for file in offered:
        if not file.file.endswith(_ENDING) or _package(file.file) != canonicalize_name(wanted.name):
            continue
        version = parse_sdist_filename(file.file)[1]
        if wanted.specifier.contains(version) and _is_for(file, python) and (is_pinned or not file.is_yanked):
            fitting.append((version, file))
    return max(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _package(file: str) -> str:
    try:
        return parse_wheel_filename(file)[0] if file.endswith(".whl") else parse_sdist_filename(file)[0]
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return ""


def _is_for(file: Offered, python: str) -> bool:
    try:
        return SpecifierSet(file.requires_python).contains(f"{python}.99")  # the newest of its patch releases
    except InvalidSpecifier:
        return True


def _offered(place: str, name: str) -> Iterator[Offered]:
    if "://" not in place:
        for path in sorted(Path(place).iterdir()):
            yield Offered(path.name, str(path))
        return
    url = f"{place}{name}/" if place.endswith("/") else place
    page = b"".join(_answer(url, _MOST_OF_PAGE, {"Accept": "text/html"}))
    yield from links(url, page.decode(errors="replace"))


def links(url: str, page: str) -> Iterator[Offered]:
    """The files of an index's page on a package (packaging.python.org, "Simple repository API")."""
    reader = _Links()
    reader.feed(page)
    for attributes in reader.links:
        try:
            address, fragment = urldefrag(urljoin(url, attributes.get("href") or ""))
            file = unquote(urlsplit(address).path.rpartition("/")[2])
        except ValueError:
            continue  # not an address
        algorithm, _, digest = fragment.partition("=")
        if not address.startswith(("https://", "http://")):
            continue  # a page names no file of this machine
        yield Offered(
            file,
            address,
            digest if algorithm == "sha256" else "",
            attributes.get("data-requires-python") or "",
            "data-yanked" in attributes,
        )


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs))


def fetch(offered: Offered, file: BinaryIO) -> str:
    """Write the archive into the file; return its SHA-256.

    Raises:
        UserError: PackageIndexUnreachable, ContentDamaged.
    """
    digest = hashlib.sha256()
    for piece in _pieces(offered.address):
        digest.update(piece)
        file.write(piece)
    if offered.sha256 not in ("", digest.hexdigest()):
        raise UserError(reasons.CONTENT_DAMAGED, f"{offered.file}: its content is not what the package index says")
    return digest.hexdigest()


def _pieces(address: str) -> Iterator[bytes]:
    if "://" in address:
        yield from _answer(address, _MOST_PACKED, {})
        return
    with Path(address).open("rb") as file:
        yield from iter(lambda: file.read(_PIECE), b"")


def _answer(url: str, most: int, headers: dict[str, str]) -> Iterator[bytes]:
    """The body of the answer, in pieces; none if there is nothing at this address. netrc has the passwords."""
    configured = sources.read()
    trusted = configured.ca_bundle or Path(os.environ.get("SSL_CERT_FILE", ""))
    own: dict[str, Any] = {"verify": str(trusted)} if trusted.is_file() else {}
    if configured.proxy:
        own["proxies"] = {"http": configured.proxy, "https": configured.proxy}
    shown, size, end = sources.scrub(url), 0, time.monotonic() + _LONGEST
    try:
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT, **own) as response:
            if response.status_code == 404:
                return
            response.raise_for_status()
            for piece in response.iter_content(_PIECE):
                size += len(piece)
                if size > most:
                    raise UserError(reasons.PACKAGE_INDEX_REFUSED, f"{shown} answers with more than {most >> 20} MB")
                if time.monotonic() > end:  # a server may send a byte now and then for ever
                    raise UserError(reasons.PACKAGE_INDEX_UNREACHABLE, f"{shown} takes longer than {_LONGEST:.0f} s")
                yield piece
    except (requests.RequestException, ValueError) as error:
        status = error.response.status_code if isinstance(error, requests.HTTPError) else type(error).__name__
        raise UserError(reasons.PACKAGE_INDEX_UNREACHABLE, f"{shown} cannot be read: {status}") from None


def build_requirements(archive: Path) -> tuple[str, ...]:
    """What building the archive needs, as its pyproject.toml says.

    Raises:
        UserError: EnvironmentBuildFailed.
    """
    return _build_requirements(archive, archive.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)  # every pass asks, and an archive can be large
def _build_requirements(archive: Path, _modified: int) -> tuple[str, ...]:
    try:
        with TemporaryFile() as unpacked:
            _unpack(archive, unpacked)
            content = _pyproject(unpacked)
        if content is None:
            return _USUAL
        system = tomllib.loads(content.decode()).get("build-system", {})
        required = system.get("requires", list(_USUAL))
        if not isinstance(required, list) or not all(isinstance(text, str) for text in required):
            raise ValueError("build-system.requires is not a list of texts")
    except (ValueError, AttributeError, RecursionError, tar.RefusedError, chunks.DamagedError) as error:
        raise UserError(
            reasons.ENVIRONMENT_BUILD_FAILED, f"{_FIELD}: the source archive {archive.name} cannot be read: {error}"
        ) from None
    return tuple(required)


def _unpack(archive: Path, unpacked: BinaryIO) -> None:
    size = 0
    with archive.open("rb") as file:
        for piece in chunks.plain(file):
            size += len(piece)
            if size > _MOST_UNPACKED:
                raise ValueError(f"it unpacks to more than {_MOST_UNPACKED >> 20} MB")
            unpacked.write(piece)
    unpacked.flush()


def _pyproject(unpacked: BinaryIO) -> bytes | None:
    for number, member in enumerate(tar.headers(unpacked.fileno())):
        if number >= _MOST_MEMBERS:
            raise ValueError(f"it has more than {_MOST_MEMBERS} members")
        folder, _, name = member.name.rpartition("/")
        if name == "pyproject.toml" and "/" not in folder and member.isreg():
            if member.size > _MOST_OF_PROJECT:
                raise ValueError(f"its {name} is larger than {_MOST_OF_PROJECT >> 20} MB")
            return os.pread(unpacked.fileno(), member.size, member.offset_data)
    return None
