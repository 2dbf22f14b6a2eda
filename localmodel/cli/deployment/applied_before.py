"""What a script was last deployed with: `lmd apply` keeps what its options do not name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel.errors import UserError
from localmodel.resource import annotations
from localmodel.project import given
from localmodel.targets.target import Target


@dataclass(frozen=True)
class Kept:
    """What stays, as `Deployment.update()` takes it. `options` are the options that would say the same."""

    models: tuple[str | Path, ...]
    environment: str | Path | None
    options: tuple[str, ...]


@dataclass(frozen=True)
class Before:
    """A deployment as it was last applied. `manifest` is None if there is no deployment of this name."""

    manifest: Mapping[str, Any] | None

    @property
    def origin(self) -> str:
        """The folder or script that it was applied from; "" after a manifest, or if there is no deployment."""
        return self._annotation(annotations.SOURCE)

    @property
    def entry(self) -> str:
        """Its entry script."""
        return str(self._spec["scoring"]["entryScript"])

    @property
    def port(self) -> int | None:
        """The port that its manifest asks for, or None."""
        port: int | None = self._spec.get("service", {}).get("localPort")
        return port

    @property
    def variables(self) -> dict[str, str]:
        """The deployment's environment variables."""
        return {variable["name"]: variable["value"] for variable in self._spec.get("env", []) if "value" in variable}

    def is_from(self, path: Path) -> bool:
        """Whether it was applied from this folder or script, or from a script in this folder, or the reverse."""
        return bool(self.origin) and _folder(Path(self.origin)) == _folder(path)

    def kept(self, models: Sequence[str], environment: bool, variables: Collection[str], port: int | None) -> Kept:
        """What stays, apart from the models, environment, variables and port that the command names."""
        kept_models = () if models or not self.manifest else tuple(given.again(self.manifest))
        kept_environment = None if environment else self._environment()
        options = [
            *(f"--model {model}" for model in kept_models),
            *([f"--env {kept_environment}"] if isinstance(kept_environment, str) else []),
            *(f"--variable {name}" for name in self.variables if name not in variables),
            *([f"--port {self.port}"] if port is None and self.port else []),
        ]
        return Kept(kept_models, kept_environment, tuple(options))

    def _environment(self) -> str | Path | None:
        """The file that the environment was read from, if it still exists, or the environment's name in the store."""
        file = Path(self._annotation(annotations.ENVIRONMENT_SOURCE))
        if file.is_file():
            return file
        reference = self._spec.get("environment", {}).get("ref")
        # An environment with the deployment's own name was made from a file that says more than a manifest can.
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
        return Before(None)  # the apply that follows reports whatever else is wrong


def _folder(path: Path) -> Path:
    return (path.parent if path.suffix == ".py" else path).resolve()
