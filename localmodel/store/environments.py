"""The store's environments: Python, requirements, base and variables, named and numbered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from localmodel import reasons
from localmodel.disk import state_file
from localmodel.disk.home_errors import telling
from localmodel.errors import UserError
from localmodel.notebook import html
from localmodel.notebook.table_list import TableList
from localmodel.oci.layout import Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import artifacts, environment_uses
from localmodel.store.origin import Origin
from localmodel.store.records import RecordKind, Records


@dataclass(frozen=True)
class EnvironmentVersion:
    """A version of an environment in the store.

    Attributes:
        name: the environment's name.
        version: its number.
        digest: the digest of its manifest.
        spec: Python, requirements and base image.
        variables: environment variables that belong to it.
        created: a time in ISO 8601.
    """

    name: str
    version: int
    digest: str
    spec: EnvironmentSpec
    variables: Mapping[str, str]
    created: str

    def _row(self) -> dict[str, str]:
        return {
            "name": self.name,
            "version": str(self.version),
            "created": self.created,
            "python": self.spec.python,
            "requirements": ", ".join(self.spec.requirements),
            "variables": ", ".join(self.variables),
        }

    def _repr_html_(self) -> str:
        return html.fields(self._row())


def spec_of(content: Mapping[str, Any]) -> EnvironmentSpec:
    """The spec of a stored content; fields that are newer than the content have their defaults."""
    fields_known: dict[str, Any] = {
        field.name: content[field.name] for field in fields(EnvironmentSpec) if field.name in content
    }
    tuples = {name: tuple(value) for name, value in fields_known.items() if isinstance(value, list)}
    return EnvironmentSpec(**{**fields_known, **tuples})


KIND = RecordKind(
    artifacts.ENVIRONMENT,
    "environments",
    "environment",
    reasons.ENVIRONMENT_NAME_INVALID,
    reasons.ENVIRONMENT_NOT_FOUND,
    EnvironmentVersion,
    "Make it: lmd env create {name} --conda FILE",
    # Another release may write the same spec differently, so that its digest differs.
    lambda left, right: (left.spec, dict(left.variables)) == (right.spec, dict(right.variables)),
)


@telling
class Environments:
    """The environments in the store, returned by Client.environments.

    Raises (every method that reads):
        UserError: StoreMissing, EnvironmentNotFound, VersionNotFound.
    """

    def __init__(self, layout: Layout, origin: Origin | None = None) -> None:
        self._layout = layout
        self.records = Records(layout, KIND, origin)

    def _repr_html_(self) -> str:
        return html.text(f"the latest version of each environment in {self._layout.root}") + html.in_time(
            lambda: html.rows([version._row() for version in self.list(latest=True)], "none"), "they cannot be shown"
        )

    def register(
        self, name: str, spec: EnvironmentSpec, variables: Mapping[str, str] | None = None
    ) -> EnvironmentVersion:
        """Add the environment as the next version of this name, or return the latest version if it is the same.

        Raises:
            UserError: EnvironmentNameInvalid, StoreFull.
        """
        self.records.check_name(name)
        content = {"name": name, "spec": asdict(spec), "variables": dict(variables or {})}
        with self.records.writing():
            manifest = artifacts.environment(self._layout, content)
            created = datetime.now(UTC).isoformat(timespec="seconds")
            return self.records.keep(EnvironmentVersion(name, 0, manifest.digest, spec, dict(variables or {}), created))

    def get(self, name: str, version: int | None = None) -> EnvironmentVersion:
        """This version of the environment; without a number the latest."""
        return self.records.get(name, version)

    def find(self, reference: str) -> EnvironmentVersion:
        """The version that `name` (the latest) or `name:3` names."""
        return self.records.find(reference)

    def versions(self, name: str) -> list[int]:
        """The numbers of its versions, ascending."""
        return self.records.numbers(name)

    def list(self, name: str | None = None, latest: bool = False) -> list[EnvironmentVersion]:
        """All versions, sorted by name and number: of one name, or only the latest of each."""
        return TableList(self.records.list(name, latest, state_file.skip))

    def delete(self, name: str, version: int) -> None:
        """Remove the version. Its number is not used again.

        Raises:
            UserError: EnvironmentInUse.
        """
        if using := environment_uses.of_version(self._layout.root.parent, f"{name}:{version}"):
            raise UserError(
                reasons.ENVIRONMENT_IN_USE,
                f"environment {name}:{version} is used by {', '.join(using)}; delete the deployment first, or move it "
                "to another version",
            )
        self.records.remove(name, version)
