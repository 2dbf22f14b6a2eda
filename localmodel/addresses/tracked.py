"""Models of MLflow: models:/NAME@ALIAS and runs:/ID/PATH."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localmodel import mlflow_models, reasons
from localmodel.addresses.address import Address
from localmodel.addresses.arrival import Arrival
from localmodel.errors import UserError


def fetch(address: Address, arrival: Arrival) -> str:
    """Download the model; return its folder's name."""
    if address.foreign and not os.environ.get("MLFLOW_TRACKING_URI", "").startswith(("http://", "https://")):
        raise UserError(
            reasons.ADDRESS_REFUSED,
            f"{address.shown}: the operator knows no MLflow server; start it with MLFLOW_TRACKING_URI",
        )
    arrival.identify(mlflow_models.version_of(address.text))
    path = mlflow_models.fetch(address.text, arrival.folder, _Quiet())
    return str(path.resolve().relative_to(arrival.folder.resolve()))


class _Quiet:
    """A `Progress` for what says nothing of its bytes."""

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        yield lambda outcome: None

    def note(self, text: str) -> None:
        pass
