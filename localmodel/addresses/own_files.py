"""Files and folders of this machine: file://."""

import hashlib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from localmodel import reasons
from localmodel.addresses.address import Address
from localmodel.addresses.arrival import Arrival, mismatch
from localmodel.errors import UserError


def fetch(address: Address, arrival: Arrival) -> str:
    """The path itself, because nothing has to be copied."""
    parts = urlsplit(address.text)
    if parts.netloc not in ("", "localhost"):
        raise UserError(
            reasons.ADDRESS_INVALID, f"{address.shown}: a file of this machine is file:///PATH, with three slashes"
        )
    path = Path(unquote(parts.path))
    _ = address.file_name  # the root of all files has none, and is no model
    if address.sha256 and path.is_dir():
        raise UserError(reasons.ADDRESS_INVALID, f"{address.shown}: it is a folder, and #sha256= is for one file")
    if address.sha256 and path.is_file():
        with path.open("rb") as file:
            real = hashlib.file_digest(file, "sha256").hexdigest()
        if real != address.sha256:
            raise mismatch(address.shown, address.sha256, real)
    return str(path)
