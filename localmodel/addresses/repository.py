"""Source folders in Git repositories: one commit, without its history, and only the files below one folder."""

import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from stat import S_ISDIR, S_ISREG
from typing import Any
from urllib.parse import urlsplit

from requests.utils import get_netrc_auth

from localmodel import reasons
from localmodel.disk.executable import Executable
from localmodel.errors import UserError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_OWN = ("localhost", "127.0.0.1", "::1")
_LARGEST = 64 << 20  # as much as a folder of this machine may have
_MOST_FILES = 10_000
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_TIMEOUT = b"60"  # seconds, to connect and between two pieces
_EXECUTABLE = 0o100

# It warns of servers that send what was not asked for.
logging.getLogger("dulwich").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Folder:
    """A folder of a repository, as `GitRef` names it, and who asks: (user name, password).

    `foreign`: whether somebody else than this machine's user asks, who must not read what it serves to itself.
    """

    url: str
    ref: str = ""
    path: str = ""
    login: tuple[str, str] | None = None
    foreign: bool = False

    @property
    def shown(self) -> str:
        """The address without user name, password and query."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def commit(self) -> str:
        """The commit that it can only mean, or ""."""
        return self.ref if _COMMIT.fullmatch(self.ref) else ""


@dataclass(frozen=True)
class Checkout:
    """The files of a folder in a commit, path -> content."""

    commit: str
    files: Mapping[str, bytes]


def read(folder: Folder) -> Checkout:
    """Fetch the commit that the folder's `ref` leads to now.

    Raises:
        UserError: AddressInvalid, AddressNotFound, AddressRefused, AddressUnreachable, LibraryMissing, SourceInvalid,
            SourceTooLarge.
    """
    _check(folder)
    try:
        from dulwich.repo import Repo
    except ImportError:
        raise UserError(
            reasons.LIBRARY_MISSING, f"{folder.shown}: what reads repositories is not installed: pip install dulwich"
        ) from None
    with tempfile.TemporaryDirectory(prefix="localmodel-") as place, Repo.init_bare(place) as repository:
        commit = _fetched(folder, repository)
        return Checkout(commit.id.decode(), dict(_files(folder, repository, commit.tree)))


def _check(folder: Folder) -> None:
    try:
        parts = urlsplit(folder.url)
        host, scheme = parts.hostname, parts.scheme.lower()
    except ValueError:
        host, scheme = None, ""
    if not host or scheme not in ("https", "http"):
        raise UserError(reasons.ADDRESS_INVALID, "this is not the address of a repository: write https://HOST/PATH")
    if scheme == "http" and not folder.commit and (folder.foreign or host not in _OWN):
        raise UserError(
            reasons.ADDRESS_INVALID,
            f"{folder.shown}: others can change what comes over plain http: write https://, or a commit as ref",
        )


def _fetched(folder: Folder, repository: Any) -> Any:
    """The commit, which is in the repository with its files."""
    from dulwich.client import HTTPUnauthorized, get_transport_and_path
    from dulwich.errors import GitProtocolError, NotGitRepository
    from urllib3.exceptions import HTTPError

    wanted = folder.commit.encode()

    def choose(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
        nonlocal wanted
        wanted = wanted or _meant(folder, refs)
        return [wanted]

    user, password = folder.login or get_netrc_auth(folder.url) or (None, None)
    most = b"blob:limit=%d" % _LARGEST  # a server may send them nevertheless
    try:
        client, path = get_transport_and_path(folder.url, config=_config(), username=user, password=password)
        client.fetch(path, repository, choose, depth=1, filter_spec=most, ref_prefix=_prefixes(folder.ref))
        return _commit(folder, repository, wanted)
    except HTTPUnauthorized:
        who = "spec.scoring.source.git.credentials names a Secret" if folder.foreign else "put them into ~/.netrc"
        problem = reasons.ADDRESS_REFUSED, f"the server asks for user name and password: {who}"
    except NotGitRepository:
        problem = reasons.ADDRESS_NOT_FOUND, "there is no Git repository"
    except (GitProtocolError, HTTPError, OSError) as error:
        problem = reasons.ADDRESS_UNREACHABLE, _unreachable(folder, error)
    # Only here, where nothing holds the library's answer, and thus its connection, any more.
    raise UserError(problem[0], f"{folder.shown}: {problem[1]}")


def _unreachable(folder: Folder, error: Exception) -> str:
    # What the server says itself has no cause; other texts may contain the whole address.
    cause, said = error.__cause__, str(error)
    if cause or "://" in said:
        said = type(cause or error).__name__
    why = f"{said!r}, which may mean that it has no such commit" if folder.commit else repr(said)
    return f"no Git server answers: {why}"


def _config() -> Any:
    """No settings of this machine's user; the certificates that other readers take, too."""
    from dulwich.config import ConfigDict

    config = ConfigDict()
    config.set((b"http",), b"timeout", _TIMEOUT)
    if authorities := next((os.environ[name] for name in _CERTIFICATES if os.environ.get(name)), ""):
        config.set((b"http",), b"sslCAInfo", authorities.encode())
    return config


def _prefixes(ref: str) -> list[bytes]:
    return [f"refs/heads/{ref}".encode(), f"refs/tags/{ref}".encode()] if ref else [b"HEAD"]


def _meant(folder: Folder, refs: Mapping[bytes, bytes]) -> bytes:
    """The object that a branch or a tag leads to; of a branch and a tag with one name, the branch."""
    for name in _prefixes(folder.ref):
        if name in refs:
            return refs[name]
    raise _no_such(folder)


def _no_such(folder: Folder) -> UserError:
    what = f"no branch, tag or commit {folder.ref}" if folder.ref else "no commit yet"
    return UserError(reasons.ADDRESS_NOT_FOUND, f"{folder.shown}: the repository has {what}")


def _commit(folder: Folder, repository: Any, wanted: bytes) -> Any:
    from dulwich.objects import Commit, Tag

    if wanted not in repository:
        raise _no_such(folder)
    found = repository[wanted]
    while isinstance(found, Tag):
        found = repository[found.object[1]]
    if not isinstance(found, Commit):
        raise UserError(reasons.ADDRESS_NOT_FOUND, f"{folder.shown}: {folder.ref} leads to no commit")
    return found


def _files(folder: Folder, repository: Any, tree: bytes) -> Iterator[tuple[str, bytes]]:
    """The regular files below the folder.

    Raises:
        UserError: AddressNotFound, SourceInvalid, SourceTooLarge.
    """
    for part in filter(None, folder.path.split("/")):
        mode, tree = next(
            ((mode, sha) for name, mode, sha in repository[tree].iteritems() if name == part.encode()), (0, b"")
        )
        if not S_ISDIR(mode):
            raise UserError(reasons.ADDRESS_NOT_FOUND, f"{folder.shown}: the commit has no folder {folder.path}")
    size = count = 0
    for path, mode, sha in _walk(repository, tree, ""):
        if not path.isprintable() or not S_ISREG(mode):
            why = "is neither file nor folder" if path.isprintable() else "has control characters in its name"
            raise UserError(reasons.SOURCE_INVALID, f"{folder.shown}: {path!r} {why}; name a folder without it as path")
        content: bytes | None = repository[sha].data if sha in repository else None  # None: it is larger
        count, size = count + 1, size + len(content or b"")
        if content is None or size > _LARGEST or count > _MOST_FILES:
            raise UserError(
                reasons.SOURCE_TOO_LARGE,
                f"{folder.shown}: more than {_LARGEST >> 20} MiB or {_MOST_FILES:,} files of code, with {path}; name "
                "one folder as path, and name models in spec.models",
            )
        yield path, Executable(content) if mode & _EXECUTABLE else bytes(content)


def _walk(repository: Any, tree: bytes, above: str) -> Iterator[tuple[str, int, bytes]]:
    for name, mode, sha in repository[tree].iteritems():
        path = above + name.decode(errors="replace")
        if S_ISDIR(mode):
            yield from _walk(repository, sha, f"{path}/")
        else:
            yield path, mode, sha
