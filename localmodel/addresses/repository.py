"""Source folders in Git repositories: one commit, without its history, and only the files below one folder."""

import logging
import re
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from requests.utils import get_netrc_auth

from localmodel import reasons
from localmodel.addresses.repository_server import RepositoryServer
from localmodel.addresses.web import OWN
from localmodel.errors import UserError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_LARGEST_PACK = 1 << 30
_LONGEST_WORDS = 300  # of a server's own text
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
        """The address without user name and password.

        Raises:
            UserError: AddressInvalid.
        """
        parts = self.parts
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def parts(self) -> SplitResult:
        """The parts of the address.

        Raises:
            UserError: AddressInvalid; nothing of the address is in the message, because a password may be anywhere.
        """
        try:
            parts = urlsplit(self.url)
            valid = parts.hostname and parts.port != 0 and parts.scheme in ("https", "http")
        except ValueError:
            valid = False
        if not valid or set("?#") & set(self.url):
            raise UserError(
                reasons.ADDRESS_INVALID,
                "this is not the address of a repository: write https://HOST/PATH, with %3F for ? and %23 for #",
            )
        return parts

    @property
    def commit(self) -> str:
        """The commit that it can only mean, or ""."""
        return self.ref.lower() if _COMMIT.fullmatch(self.ref.lower()) else ""

    @property
    def names(self) -> list[bytes]:
        """What the repository may call it; of a branch and a tag with one name, the branch comes first."""
        if self.ref.startswith("refs/") or self.ref in ("", "HEAD"):
            return [self.ref.encode() or b"HEAD"]
        return [f"refs/heads/{self.ref}".encode(), f"refs/tags/{self.ref}".encode()]


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
    login = _login(folder)
    _check(folder, login)
    try:
        from dulwich.repo import Repo

        from localmodel.addresses import repository_files
    except ImportError:
        raise UserError(
            reasons.LIBRARY_MISSING, f"{folder.shown}: what reads repositories is not installed: pip install dulwich"
        ) from None
    with tempfile.TemporaryDirectory(prefix="localmodel-") as place, _readable(folder), Repo.init_bare(place) as repo:
        commit = repository_files.commit(repo, _fetched(folder, login, repo))
        if commit is None:
            raise UserError(reasons.ADDRESS_NOT_FOUND, f"{folder.shown}: {folder.ref} leads to no commit")
        return Checkout(commit.id.decode(), dict(repository_files.below(repo, commit.tree, folder.path, folder.shown)))


def _login(folder: Folder) -> tuple[str, str] | None:
    if folder.login or folder.parts.username is None:
        return folder.login or get_netrc_auth(folder.shown)
    return unquote(folder.parts.username), unquote(folder.parts.password or "")


def _check(folder: Folder, login: tuple[str, str] | None) -> None:
    if folder.parts.scheme == "https":
        return
    own = folder.parts.hostname in OWN
    if not folder.commit and (folder.foreign or not own):
        problem = "others can change what comes over plain http: write https://, or a commit as ref"
    elif login and not own:
        problem = "others can read a password that goes over plain http: write https://"
    else:
        return
    raise UserError(reasons.ADDRESS_INVALID, f"{folder.shown}: {problem}")


@contextmanager
def _readable(folder: Folder) -> Iterator[None]:
    """A block in which a server's answer is read, which may be anything."""
    from dulwich.errors import GitProtocolError

    reason = reasons.ADDRESS_UNREACHABLE
    try:
        yield
        return
    except (UserError, KeyboardInterrupt, SystemExit):
        raise
    except GitProtocolError as error:
        words = repr(str(error)[:_LONGEST_WORDS])
        why = f"{words}, which may mean that it has no such commit" if folder.commit else words
        problem = f"no Git server answers as it should: {why}"
    except MemoryError as error:
        traceback.clear_frames(error.__traceback__)  # or there is none for the message either
        reason, problem = reasons.SOURCE_TOO_LARGE, "to read it takes more memory than there is for it"
    except OSError as error:  # the connection's own are others by now
        problem = f"it cannot be kept in the folder for temporary files: {error.strerror}"
    except BaseException as error:
        # The library has no common one for what is damaged, and its compiled parts have one that is no Exception.
        traceback.clear_frames(error.__traceback__)
        problem = f"what the server sends is damaged, or no repository ({type(error).__name__})"
    # Only here, where nothing holds the library's answer, and thus its connection, any more.
    raise UserError(reason, f"{folder.shown}: {problem}")


def _fetched(folder: Folder, login: tuple[str, str] | None, repo: Any) -> bytes:
    """Bring the commit and its files into the repository; return what the `ref` leads to."""
    from dulwich.client import HttpGitClient

    from localmodel.addresses import repository_files, repository_pack

    wanted = folder.commit.encode()

    def choose(refs: Mapping[Any, Any], depth: int | None = None) -> list[Any]:
        nonlocal wanted
        wanted = wanted or next((refs[name] for name in folder.names if name in refs), b"")
        if not wanted:
            what = f"no branch, tag or commit {folder.ref}" if folder.ref else "no commit yet"
            raise UserError(reasons.ADDRESS_NOT_FOUND, f"{folder.shown}: the repository has {what}")
        if not _COMMIT.fullmatch(wanted.decode("ascii", "replace")):
            raise UserError(reasons.SOURCE_INVALID, f"{folder.shown}: only repositories with SHA-1 names can be read")
        server.most = _LARGEST_PACK
        return [wanted]

    most = b"blob:limit=%d" % repository_files.LARGEST  # a server may send them nevertheless
    file, keep, abort = repo.object_store.add_pack()
    try:
        with RepositoryServer(folder.shown, login, folder.foreign) as server:
            pool: Any = server
            client = HttpGitClient(folder.shown, pool_manager=pool, thin_packs=False)
            walker = repo.get_graph_walker()
            client.fetch_pack("", choose, walker, file.write, depth=1, filter_spec=most, ref_prefix=folder.names)
        file.flush()
        repository_pack.check(file, folder.shown)
    except BaseException:
        abort()
        raise
    keep()
    return wanted
