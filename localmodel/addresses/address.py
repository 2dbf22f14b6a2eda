"""Addresses of models: what one names, and the form of it that may be shown."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from localmodel import mlflow_models, reasons
from localmodel.errors import UserError

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_PINNED = re.compile(r"#sha256=([0-9a-f]{64})", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Address:
    """The address of a model.

    Attributes:
        scheme: `https`, `s3`, `hf`, …, in lower case.
        text: the address without `#sha256=…`. It may contain a password or a signature.
        sha256: the hex digits that the file must have, or "".
        foreign: whether somebody else than this machine's user asks for it, who must not read files of this machine,
            or what it serves to itself.
    """

    scheme: str
    text: str
    sha256: str = ""
    foreign: bool = False

    @property
    def shown(self) -> str:
        """The address without what must stay secret: user, password and query."""
        start, slashes, place = self.text.partition("?")[0].partition("#")[0].partition("://")
        host, slash, path = place.partition("/")
        if self.scheme != "hf":  # where the revision stands behind the `@`
            host = host.rpartition("@")[2]
        return f"{start}{slashes}{host}{slash}{path}"

    @property
    def place(self) -> str:
        """What stands behind the `://`, without query and password."""
        return self.shown.partition("://")[2]

    @property
    def pinned(self) -> str:
        """The mark of the one content that the address can name, or "" if it can name another one later."""
        if self.sha256:
            return f"sha256:{self.sha256}"
        revision = self.place.partition("@")[2].partition("/")[0] if self.scheme == "hf" else ""
        return revision if _COMMIT.fullmatch(revision) else ""

    @property
    def is_whole(self) -> bool:
        """Whether `shown` names the content, because there is no query that belongs to it."""
        return "?" not in self.text

    @property
    def file_name(self) -> str:
        """The name that a file or folder from there gets.

        Raises:
            UserError: AddressInvalid, if there is none.
        """
        name = unquote(PurePosixPath(self.place.partition("/")[2]).name)
        if not name.isprintable() or name in ("", ".", "..") or "/" in name:
            raise UserError(reasons.ADDRESS_INVALID, f"{self.shown}: the address does not end with the name of a file")
        return name


def is_address(text: str) -> bool:
    """Whether it is an address, and not the path of a file."""
    return _SCHEME.match(text) is not None or mlflow_models.is_address(text)


def parse(text: str) -> Address:
    """The address in a text.

    Raises:
        UserError: AddressInvalid.
    """
    if mlflow_models.is_address(text):
        return Address("mlflow", text)
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise UserError(reasons.ADDRESS_INVALID, "an address begins with https://, s3:// or the like")
    rest, hash_sign, _ = text.partition("#sha256=")
    if not hash_sign:
        return _valid(Address(scheme[1].lower(), text))
    if not (pinned := _PINNED.fullmatch(text, len(rest))):
        raise UserError(
            reasons.ADDRESS_INVALID, f"{Address('', rest).shown}: behind #sha256= stand the 64 hex digits of the file"
        )
    return _valid(Address(scheme[1].lower(), rest, pinned[1].lower()))


def name_of(path: PurePosixPath | str, is_file: bool) -> str:
    """What the store calls the model that has arrived under this name."""
    path = PurePosixPath(path)
    return _NOT_IN_A_NAME.sub("-", path.stem if is_file else path.name)[:255].strip(".-_") or "model"


def _valid(address: Address) -> Address:
    try:
        parts = urlsplit(address.text)
        fine = (bool(parts.hostname) or address.scheme == "file") and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    # What cannot be taken apart may have its password anywhere, and is not shown.
    if not fine and address.scheme != "oci":
        raise UserError(
            reasons.ADDRESS_INVALID, f"this is not an address: {address.scheme}:// is followed by no valid host"
        )
    return address
