"""The tables of deployments that notebooks show: each as it is when it is shown."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.notebook import html
from localmodel.targets.target import Target

_NONE = "no deployments"


class _Named(Protocol):
    name: str


D = TypeVar("D", bound=_Named)


class DeploymentList(list[D]):
    """A list of deployments that a notebook shows as a table."""

    def __init__(self, deployments: Iterable[D], target: Target) -> None:
        super().__init__(deployments)
        self._target = target

    def _repr_html_(self) -> str:
        names = [deployment.name for deployment in self]
        return html.in_time(lambda: _rows(self._target, names), f"{', '.join(names)}: the status cannot be had")


def every(target: Target) -> str:
    """All deployments of the target."""
    return html.in_time(lambda: _rows(target, None), "the deployments cannot be shown")


def one(target: Target, name: str) -> str:
    """The deployment of this name."""

    def status() -> str:
        try:
            return target.get(name)._repr_html_()
        except UserError as error:
            if error.reason != reasons.DEPLOYMENT_NOT_FOUND:
                raise
            return html.fields({"name": name, "state": "deleted"})

    return html.in_time(status, f"{name}: the status cannot be had")


def _rows(target: Target, names: list[str] | None) -> str:
    """Those of these names; None: of all."""
    rows = {status.name: status._row() for status in target.deployments()}
    if names is None:
        return html.rows([rows[name] for name in sorted(rows)], _NONE)
    gone = dict.fromkeys(("name", "state", "revision", "url", "message"), "")
    return html.rows([rows.get(name, {**gone, "name": name, "state": "deleted"}) for name in names], _NONE)
