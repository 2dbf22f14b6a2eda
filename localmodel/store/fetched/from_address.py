"""Models that are taken in from an address, and which of them the store has already."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

from localmodel import reasons
from localmodel.addresses import address as addresses
from localmodel.addresses import readers
from localmodel.addresses.address import Address
from localmodel.addresses.arrival import Arrival, NotFetched
from localmodel.errors import UserError
from localmodel.oci.layout import Meter
from localmodel.resource.spec import ModelRef
from localmodel.store.models import ADDRESS, MARK, ModelVersion, weights_of
from localmodel.store.staged import StagedStore
from localmodel.store.store import Store


def import_model(store: Store, uri: str, name: str | None, progress: Meter | None) -> ModelVersion:
    """Take the model at the address into the store, as the next version of its name unless the latest is the same.

    Raises:
        UserError: as `Models.import_()`.
    """
    address = addresses.parse(uri)
    readers.check(address)
    if name is not None:
        store.models.records.check_name(name)
    if address.scheme == readers.REGISTRY:
        return cast(ModelVersion, store.pull(address.place, name=name, only=ModelVersion, progress=progress))
    return _import(store, address, name, progress, latest_only=True)


def look(store: Store, reference: ModelRef) -> ModelVersion | None:
    """The version of the store that the `uri` can only mean; None where the address has to be asked.

    That is the one of the reference's `digest`, or of the digest or commit in the address.
    """
    address = addresses.parse(reference.uri)

    def is_meant(version: ModelVersion) -> bool:
        if reference.digest:
            return version.digest == reference.digest
        from_there = bool(address.sha256) or version.properties.get(ADDRESS) == address.shown
        return bool(address.pinned) and version.properties.get(MARK) == address.pinned and from_there

    for version in reversed(store.models.list(reference.name)):
        if is_meant(version):
            with suppress(UserError):  # its content is lost
                return store.models.get(version.name, version.version)
    return None


def last(store: Store, reference: ModelRef) -> ModelVersion:
    """The version that came last from the reference's `uri`; nobody is asked.

    Raises:
        UserError: AddressInvalid; ModelNotFound.
    """
    shown = addresses.parse(reference.uri).shown
    came = (one for one in reversed(store.models.list(reference.name)) if one.properties.get(ADDRESS) == shown)
    if (version := look(store, reference) or next(came, None)) is None:
        raise UserError(reasons.MODEL_NOT_FOUND, f"{shown} was not fetched yet; lmd apply fetches it")
    return version


def fetch(store: Store, reference: ModelRef, progress: Meter | None = None, foreign: bool = False) -> ModelVersion:
    """The version that is at the reference's `uri` now; it is downloaded unless the store has it.

    `foreign`: see `Address`.

    Raises:
        UserError: as `Models.import_()`; DigestMismatch.
    """
    address = _checked(store, reference, foreign)
    if version := look(store, reference):
        return version
    if address.scheme == readers.REGISTRY:
        pulled = store.pull(address.place, name=reference.name, only=ModelVersion, progress=progress)
        version = cast(ModelVersion, pulled)
        _require(version.digest, reference.digest, address)
        return version
    return _import(store, address, reference.name, progress, latest_only=False, digest=reference.digest)


def ask(store: Store, reference: ModelRef, foreign: bool) -> ModelVersion | None:
    """The version that is at the reference's `uri` now; None if the store does not have it yet.

    Raises:
        UserError: as `fetch()`.
    """
    address = _checked(store, reference, foreign)
    if version := look(store, reference):
        return version
    if address.scheme == readers.REGISTRY:
        from localmodel.oci import registry  # its HTTP client takes longer to import than everything else

        with registry.Repository(address.place, False) as place:
            manifest = place.manifest(place.tag) or b""
        return next((one for one in store.models.list(reference.name) if one.weights.digest.encode() in manifest), None)
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = readers.fetch(
                address,
                Arrival(Path(folder), address.shown, None, _known(store, address, reference.name), only_ask=True),
            )
        except NotFetched as known:
            return _marked(store, address, reference.name, known.mark) if known.mark else None
        weights = weights_of(path)  # of this machine
        return next((one for one in store.models.list(reference.name) if one.weights == weights), None)


def _checked(store: Store, reference: ModelRef, foreign: bool) -> Address:
    store.models.records.check_name(reference.name)
    address = replace(addresses.parse(reference.uri), foreign=foreign)
    readers.check(address)
    return address


def _import(
    store: Store, address: Address, name: str | None, progress: Meter | None, latest_only: bool, digest: str = ""
) -> ModelVersion:
    with store.models.records.writing():  # no garbage collection meanwhile
        incoming = store.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=incoming) as folder:
            known = () if latest_only or name is None else _known(store, address, name)
            arrival = Arrival(Path(folder), address.shown, progress, known)
            try:
                path = readers.fetch(address, arrival)
            except NotFetched as same:
                version = _marked(store, address, name or "", same.mark)
                _require(version.digest, digest, address)
                return version
            if not path.exists():
                raise UserError(reasons.ADDRESS_NOT_FOUND, f"{address.shown}: there is no such file or folder")
            name = name or addresses.name_of(path.name, path.is_file())
            if digest:
                _require(StagedStore(store.root).models.register(name, path).digest, digest, address)
            version = _registered(store, name, path, progress, latest_only)
            return _noted(store, version, address, arrival.mark)


def _registered(store: Store, name: str, path: Path, progress: Meter | None, latest_only: bool) -> ModelVersion:
    """The newest version with this content, or only the latest one if it has it; otherwise the next one."""
    numbers = store.models.records.numbers(name)
    weights = weights_of(path) if numbers else None
    for number in reversed(numbers[-1:] if latest_only else numbers):
        with suppress(UserError):  # a record that cannot be read, or content that is lost
            if (version := store.models.get(name, number)).weights == weights:
                return version
    return store.models.register(name, path, progress=progress)


def _noted(store: Store, version: ModelVersion, address: Address, mark: str) -> ModelVersion:
    """The version with its address, and with the mark that its content has there."""
    mark = address.pinned or (mark if address.is_whole else "")
    properties = {key: text for key, text in version.properties.items() if key != MARK}
    properties |= {ADDRESS: address.shown, **({MARK: mark} if mark else {})}
    if properties == version.properties:
        return version
    return store.models.records.change(version.name, version.version, lambda one: replace(one, properties=properties))


def _known(store: Store, address: Address, name: str) -> Sequence[str]:
    return [version.properties[MARK] for version in _from(store, address, name)] if address.is_whole else []


def _marked(store: Store, address: Address, name: str, mark: str) -> ModelVersion:
    return next(version for version in _from(store, address, name) if version.properties[MARK] == mark)


def _from(store: Store, address: Address, name: str) -> Iterator[ModelVersion]:
    """The versions that came from there, and have a mark and all their content."""
    for version in reversed(store.models.list(name)):
        if version.properties.get(ADDRESS) == address.shown and version.properties.get(MARK):
            with suppress(UserError):
                yield store.models.get(version.name, version.version)


def _require(digest: str, wanted: str, address: Address) -> None:
    if wanted not in ("", digest):
        raise UserError(
            reasons.DIGEST_MISMATCH,
            f"{address.shown}: the model has the digest {digest}, and not {wanted}. It has changed there, or "
            "another one was meant",
        )
