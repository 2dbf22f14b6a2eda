"""What a script was deployed with the time before: it stays where lmd apply names nothing else."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel.errors import UserError
from localmodel.resource import annotations
from localmodel.sdk import given
from localmodel.targets.target import Target


@dataclass(frozen=True)
class Kept:
    """What stays, as Deployment.update() takes it (None: nothing to say of it), and what to say of it."""

    models: tuple[str | Path, ...]
    environment: str | Path | None
    said: tuple[str, ...]


@dataclass(frozen=True)
class Before:
    """A deployment as it was last applied. `manifest` is None where there is none of the name."""

    manifest: Mapping[str, Any] | None

    @property
    def origin(self) -> str:
        """Folder or script that it was applied from; "" if it was a manifest, or nothing."""
        return self._annotation(annotations.SOURCE)

    @property
    def entry(self) -> str:
        """Its entry script."""
        return str(self._spec["scoring"]["entryScript"])

    @property
    def port(self) -> int | None:
        """The port that it asks for, if it asks for one."""
        port: int | None = self._spec.get("service", {}).get("localPort")
        return port

    @property
    def variables(self) -> dict[str, str]:
        """The deployment's own."""
        return {variable["name"]: variable["value"] for variable in self._spec.get("env", []) if "value" in variable}

    def is_from(self, path: Path) -> bool:
        """Whether it was applied from this folder or script, or from the one in the other."""
        return bool(self.origin) and _folder(Path(self.origin)) == _folder(path)

    def kept(self, models: Sequence[str], environment: bool, variables: Collection[str], port: int | None) -> Kept:
        """What stays besides what is named now: these models, an environment, these variables, this port."""
        kept_models = () if models or not self.manifest else tuple(given.again(self.manifest))
        kept_environment = None if environment else self._environment()
        said = [
            *(f"--model {model}" for model in kept_models),
            *([f"--env {kept_environment}"] if isinstance(kept_environment, str) else []),
            *(f"--variable {name}" for name in self.variables if name not in variables),
            *([f"--port {self.port}"] if port is None and self.port else []),
        ]
        return Kept(kept_models, kept_environment, tuple(said))

    def _environment(self) -> str | Path | None:
        """The file that it was read from, if it is still there; or its name in the store, if it was given so."""
        file = Path(self._annotation(annotations.ENVIRONMENT_SOURCE))
        if file.is_file():
            return file
        reference = self._spec.get("environment", {}).get("ref")
        # One that is called as the deployment was made of a file with what a manifest has no field for.
        if not self.manifest or reference is None or reference["name"] == self.manifest["metadata"]["name"]:
            return None
        return f"{reference['name']}:{reference['version']}"

    def _annotation(self, name: str) -> str:
        return annotations.annotation(self.manifest, name) if self.manifest else ""

    @property
    def _spec(self) -> Mapping[str, Any]:
        return self.manifest["spec"] if self.manifest else {}


def look(target: Target, name: str) -> Before:
    """The deployment of this name."""
    try:
        return Before(target.manifests(name).deployment)
    except UserError:
        return Before(None)  # what else is wrong with it, whoever applies says


def _folder(path: Path) -> Path:
    return (path.parent if path.suffix == ".py" else path).resolve()
