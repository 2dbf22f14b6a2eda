"""What notebooks show of deployments: each as it is when it is shown."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.notebook import html
from localmodel.targets.target import DeploymentStatus, Target

_NONE = "no deployments"
_MOST_REVISIONS = 5
_MOST_FORMS = 20  # below a table of all deployments


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
    """All deployments of the target, and below them the forms of the first ones that have a page."""

    def shown() -> str:
        found = sorted(target.deployments(), key=lambda status: status.name)
        forms = [form for status in found if (form := html.frame(f"Try {status.name}", status.page))]
        return html.rows([*map(_row, found)], _NONE) + "".join(forms[:_MOST_FORMS])

    return html.in_time(shown, "the deployments cannot be shown")


def one(target: Target, name: str) -> str:
    """The deployment of this name: its state, the form of its own page, and its last revisions."""
    there: list[str] = []

    def status() -> str:
        try:
            now = target.get(name)
        except UserError as error:
            if error.reason != reasons.DEPLOYMENT_NOT_FOUND:
                raise
            return html.fields({"name": name, "state": "deleted"})
        there.append(name)
        return now._repr_html_() + html.frame("Try a request", now.page)

    shown = html.in_time(status, f"{name}: the status cannot be had")
    return shown + html.in_time(lambda: _revisions(target, name), "the revisions cannot be had") if there else shown


def _revisions(target: Target, name: str) -> str:
    return html.rows([past._row() for past in target.history(name)[:_MOST_REVISIONS]], "no revision is kept yet")


def _rows(target: Target, names: list[str]) -> str:
    rows = {status.name: _row(status) for status in target.deployments()}
    gone = dict.fromkeys(("name", "state", "revision", "url", "message", "page"), "")
    return html.rows([rows.get(name, {**gone, "name": name, "state": "deleted"}) for name in names], _NONE)


def _row(status: DeploymentStatus) -> dict[str, str]:
    return {**status._row(), "page": status.page}
