"""Models that are taken in from an address."""

import tempfile
from pathlib import Path
from typing import cast

from localmodel import reasons
from localmodel.addresses import address as addresses
from localmodel.addresses import readers
from localmodel.addresses.arrival import Arrival
from localmodel.errors import UserError
from localmodel.oci.layout import Meter
from localmodel.store.models import ModelVersion
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
    with store.models.records.writing():  # no garbage collection meanwhile
        incoming = store.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=incoming) as folder:
            path = readers.fetch(address, Arrival(Path(folder), address.shown, progress))
            if not path.exists():
                raise UserError(reasons.ADDRESS_NOT_FOUND, f"{address.shown}: there is no such file or folder")
            name = name or addresses.name_of(path.name, path.is_file())
            return store.models.register(name, path, progress=progress)
