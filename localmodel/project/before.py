"""What was applied before under a name: it stays where nothing else is named, and belongs to its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.output.paths import absolute, from_here
from localmodel.project import given
from localmodel.project import place as place_of
from localmodel.project.place import Place
from localmodel.project.settings import Settings
from localmodel.resource import annotations
from localmodel.resource.manifest import Manifests
from localmodel.targets.target import Target


@dataclass(frozen=True)
class Before:
    """A deployment as it was last applied; `manifests` is None where there is none of the name."""

    name: str
    manifests: Manifests | None = None

    @property
    def origin(self) -> str:
        """Folder or script that it was applied from; "" if it was a manifest, or nothing."""
        return self._annotation(annotations.SOURCE)

    def is_of(self, place: Place) -> bool:
        """Whether it was applied from the place's folder."""
        if not self.origin or place.kind != "model":
            return bool(self.origin) and _folder(Path(self.origin)) == place.root.resolve()
        if "scoring" in self._spec:
            return False
        if place.path.exists() and Path(self.origin).exists():
            return absolute(Path(self.origin)) == absolute(place.path)
        # One of the store or of MLflow has no place of its own: what has its name is another version of it.
        names = {model["name"] for model in self._spec["models"]} | {place_of.model_name(self.origin)}
        return place_of.model_name(str(place.path)) in names

    def settings(self, place: Place) -> Settings:
        """What it says of itself, as long as nothing else is said."""
        if self.manifests is None:
            return Settings()
        entry = self._spec.get("scoring", {}).get("entryScript", "")
        is_there = place.kind == "folder" and bool(entry) and (place.root / entry).is_file()
        return Settings(
            entry_script=entry if is_there else None,
            models=None if place.kind == "model" else tuple(given.again(self.manifests.deployment)) or None,
            environment=self._environment(),
            python=self._annotation(annotations.PYTHON) or None,
            port=self.port,
            variables=self._variables() or None,
        )

    @property
    def port(self) -> int | None:
        """The port that it asks for, if it asks for one."""
        port: int | None = self._spec.get("service", {}).get("localPort")
        return port

    def model_paths(self) -> dict[str, Path]:
        """Where its models were read from, by name."""
        return annotations.model_sources(self.manifests.deployment) if self.manifests else {}

    def _variables(self) -> dict[str, str]:
        return {variable["name"]: variable["value"] for variable in self._spec.get("env", []) if "value" in variable}

    def _environment(self) -> str | Path | None:
        """The file that was named, if it is still there; or the name in the store, if that was."""
        file = Path(self._annotation(annotations.ENVIRONMENT_SOURCE))
        if file.is_file():
            return None if self._annotation(annotations.ENVIRONMENT_CHOSEN) else from_here(file)
        reference = self._spec.get("environment", {}).get("ref")
        # One that is called as the deployment was made of a file with what a manifest has no field for.
        if reference is None or reference["name"] == self.name:
            return None
        return f"{reference['name']}:{reference['version']}"

    def _annotation(self, name: str) -> str:
        return annotations.annotation(self.manifests.deployment, name) if self.manifests else ""

    @property
    def _spec(self) -> Mapping[str, Any]:
        return self.manifests.deployment["spec"] if self.manifests else {}


def look(target: Target, name: str) -> Before:
    """The deployment of this name."""
    try:
        return Before(name, target.manifests(name))
    except UserError:
        return Before(name)  # what else is wrong with it, whoever applies says


def require_own(before: Before, place: Place) -> str:
    """Refuse to take the name of what another folder has; returns what to note.

    A folder that no longer exists has nothing to lose: mostly it has been moved.

    Raises:
        UserError: NameTaken.
    """
    if before.manifests is None or before.is_of(place):
        return ""
    if before.origin and not Path(before.origin).exists():
        return f"{before.name} was applied from {before.origin}, which is gone: it belongs to {place.path} now"
    if not before.origin and place.is_manifest:
        return ""
    whose = f"was applied from {before.origin}" if before.origin else "was applied as a manifest"
    other = "" if place.is_manifest else "give this one another name (--name), or "
    raise UserError(
        reasons.NAME_TAKEN,
        f"the deployment {before.name} {whose}, and not from {place.path}: {other}take its place with --replace",
    )


def of_place(target: Target, place: Place) -> list[str]:
    """Names of the deployments that were applied from the place's folder."""
    names = (status.name for status in target.deployments())
    return [name for name in names if look(target, name).is_of(place)]


def _folder(path: Path) -> Path:
    return (path.parent if path.suffix == ".py" else path).resolve()
