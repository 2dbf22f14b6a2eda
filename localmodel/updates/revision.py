"""A revision: five digests of what is served. Equal digests are never built, sent or stored twice."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath

from localmodel import digests
from localmodel.disk.executable import Executable
from localmodel.store import ModelVersion

APP_ROOT = "/var/azureml-app"
MODELS_FOLDER = "azureml-models"


@dataclass(frozen=True)
class Revision:
    """Digests of base image, server, environment lock, bundle (code and models) and settings."""

    base: str
    server: str
    lock: str
    bundle: str
    settings: str

    @property
    def content(self) -> str:
        """Digest of everything that a worker gets: bundle and settings."""
        return digests.of_json([self.bundle, self.settings])

    def changes_from(self, other: "Revision | None", number: int) -> str:
        """The cause of this revision: a phrase for the digests that differ from those of revision `number`."""
        if other is None:
            return "created"
        before, current = asdict(other), asdict(self)
        changed = [name for name in current if current[name] != before[name]]
        return f"{', '.join(changed)} changed" if changed else f"the same as revision {number}"


def beyond(limit: int, superseded: Sequence[int], sound: Collection[int]) -> list[int]:
    """The revision numbers to remove, from ascending ones: all but `limit` sound ones and the last failed one.

    The `sound` revisions have served and can serve again.
    """
    good = [number for number in superseded if number in sound]
    bad = [number for number in superseded if number not in sound]
    return [*good[: max(0, len(good) - limit)], *bad[: max(0, len(bad) - min(limit, 1))]]


def code_digest(entry: str, files: Mapping[str, bytes]) -> str:
    """Digest of the source folder (path -> content) and the entry script's path."""
    return digests.of_json({"entry": entry, "files": {path: file_digest(files[path]) for path in files}})


def file_digest(content: bytes) -> str:
    """Digest of a file in the source folder and its executable bit."""
    return digests.of_bytes(content) + (" executable" if isinstance(content, Executable) else "")


def bundle_digest(code: str, models: Iterable[ModelVersion]) -> str:
    """Digest of what a worker loads: the code, and each model under its name and version."""
    return digests.of_json({"code": code, "models": {model.inside: model.digest for model in models}})


def models_text(models: Iterable[ModelVersion]) -> str:
    """The models with their digests, as the server reports them: `mnist:1@sha256:...,scaler:3@sha256:...`."""
    return ",".join(f"{model.name}:{model.version}@{model.digest}" for model in models)


def model_dir(root: str, models: Iterable[ModelVersion]) -> str:
    """AZUREML_MODEL_DIR: the folder of the only model's version, or the folder of all models."""
    models = list(models)
    path = PurePosixPath(root) / MODELS_FOLDER
    return str(path / models[0].inside if len(models) == 1 else path)
