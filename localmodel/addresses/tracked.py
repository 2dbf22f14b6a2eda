"""Models of MLflow: models:/NAME@ALIAS and runs:/ID/PATH."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localmodel import mlflow_models
from localmodel.addresses.address import Address
from localmodel.addresses.arrival import Arrival


def fetch(address: Address, arrival: Arrival) -> str:
    """Download the model; return its folder's name."""
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
