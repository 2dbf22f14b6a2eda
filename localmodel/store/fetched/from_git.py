"""Source folders of Git repositories, which the store keeps as versions of code."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from localmodel import digests, reasons
from localmodel.addresses import repository
from localmodel.addresses.repository import Folder
from localmodel.errors import UserError
from localmodel.resource.spec import CodeRef, DeploymentSpec, GitRef
from localmodel.store.code import CodeVersion
from localmodel.store.store import Store

FIELD = "spec.scoring.source.git"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def filled_in(spec: DeploymentSpec, store: Store, note: Callable[[str], None] | None = None) -> DeploymentSpec:
    """The spec with code in the place of a repository's folder, which is fetched unless the store has the commit.

    `note` gets a sentence on what has come.

    Raises:
        UserError: as `fetch()`; the message names the field.
    """
    git = spec.source.git
    if git is None:
        return spec
    try:
        version = fetch(store, git, spec.entry_script)
    except UserError as error:
        raise UserError(error.reason, f"{FIELD}: {error}") from None
    if note:
        note(f"source: commit {version.commit[:12]} of {version.repository}")
    return with_code(spec, version)


def with_code(spec: DeploymentSpec, version: CodeVersion) -> DeploymentSpec:
    """The spec with this code as its source."""
    return replace(spec, source=replace(spec.source, git=None, code=CodeRef(version.name, version.version)))


def fetch(
    store: Store, git: GitRef, entry: str, login: tuple[str, str] | None = None, foreign: bool = False
) -> CodeVersion:
    """The folder as its `ref` leads to it now.

    login, foreign: see `Folder`.

    Raises:
        UserError: as `repository.read()`; StoreFull.
    """
    if version := look(store, git, entry):
        return version
    folder = Folder(git.url, git.ref, git.path, login, foreign)
    checkout = repository.read(folder)
    if not checkout.files:
        raise UserError(reasons.ADDRESS_NOT_FOUND, f"{folder.shown}: there is no file in {git.path or 'the commit'}")
    return store.code.register(name_of(git), checkout.files, entry, _place(folder), checkout.commit)


def look(store: Store, git: GitRef, entry: str) -> CodeVersion | None:
    """The version of the store that it can only mean, because its `ref` is a commit; or None.

    Raises:
        UserError: AddressInvalid.
    """
    folder = Folder(git.url, git.ref, git.path)
    if not folder.commit:
        return None
    wanted = (_place(folder), folder.commit, entry)
    for version in reversed(store.code.list(name_of(git))):
        if (version.repository, version.commit, version.entry) == wanted:
            with suppress(UserError):  # its content is lost
                store.code.files(version)
                return version
    return None


def name_of(git: GitRef) -> str:
    """What the store calls the folder: the repository's last name, and a digest of the whole place.

    Raises:
        UserError: AddressInvalid.
    """
    address = Folder(git.url).shown.rstrip("/")
    last = _NOT_IN_A_NAME.sub("-", address.rpartition("/")[2].removesuffix(".git")).strip(".-_")
    return f"{last[:100] or 'git'}-{digests.of_json([shown(git)]).removeprefix('sha256:')[:12]}"


def shown(git: GitRef) -> str:
    """The repository and the folder in it, without what must stay secret.

    Raises:
        UserError: AddressInvalid.
    """
    return _place(Folder(git.url, git.ref, git.path))


def _place(folder: Folder) -> str:
    return f"{folder.shown}//{folder.path}" if folder.path else folder.shown
