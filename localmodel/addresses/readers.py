"""Every kind of address, and what reads it."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from localmodel import reasons
from localmodel.addresses.address import Address
from localmodel.addresses.arrival import Arrival
from localmodel.errors import UserError

# The module by the scheme. Its `fetch(address, arrival)` lets the files arrive, and returns the path of the model's
# file or folder in the arrival's folder, or an absolute one.
_READERS = {
    "https": "web",
    "http": "web",
    "s3": "buckets",
    "gs": "buckets",
    "az": "buckets",
    "hf": "hub",
    "mlflow": "tracked",
    "file": "own_files",
}
# What a registry holds is no file, and is taken in by the store.
REGISTRY = "oci"
_LIBRARIES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "hf": "huggingface-hub"}
_ONE_FILE = ("https", "http", "s3", "gs", "az", "file")


def fetch(address: Address, arrival: Arrival) -> Path:
    """The path of the model's file or folder, which has arrived.

    Raises:
        UserError: AddressNotFound, AddressRefused, AddressUnreachable, LibraryMissing, MlflowMissing, MlflowRefused,
            DigestMismatch, StoreFull, TooManyFiles.
    """
    reader: Callable[[Address, Arrival], str] = import_module(f"{__package__}.{_READERS[address.scheme]}").fetch
    try:
        return arrival.folder / reader(address, arrival)
    except ImportError:
        if address.scheme not in _LIBRARIES:
            raise
        raise UserError(
            reasons.LIBRARY_MISSING,
            f"{address.shown}: what reads it is not installed: pip install {_LIBRARIES[address.scheme]}",
        ) from None


def check(address: Address) -> None:
    """Check that addresses of this kind can be read.

    Raises:
        UserError: AddressInvalid.
    """
    if address.scheme not in (*_READERS, REGISTRY):
        known = ", ".join(f"{scheme}://" for scheme in (*_READERS, REGISTRY) if scheme != "mlflow")
        raise UserError(
            reasons.ADDRESS_INVALID,
            f"{address.shown}: {address.scheme}:// is not among what can be read: {known}, models:/ and runs:/",
        )
    if address.foreign and address.scheme == "file":
        raise UserError(
            reasons.ADDRESS_INVALID,
            f"{address.shown}: a cluster reads no files of a machine; register the model (lmd model register PATH "
            "--name NAME), and give its version",
        )
    if address.sha256 and address.scheme not in _ONE_FILE:
        raise UserError(
            reasons.ADDRESS_INVALID,
            f"{address.shown}: #sha256= is for the address of one file; here, the version says what it is",
        )
