"""The model registry: named, versioned files and folders, kept as OCI artifacts on disk.

A version is a manifest in the layout (ModelPack media types, CNCF model-spec) and a record that names it; the
record is written last and in one step, so a version is either wholly there or not at all.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from localmodel import digests, files, layers
from localmodel.errors import UserError
from localmodel.layout import Blob, Layout
from localmodel.spec import ModelRef

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT = "application/vnd.cncf.model.manifest.v1+json"
CONFIG = "application/vnd.cncf.model.config.v1+json"
WEIGHTS = "application/vnd.cncf.model.weight.v1.tar"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: `digest` names its manifest, `weights` the tar that holds the files."""

    name: str
    version: int
    digest: str
    weights: Blob
    created: str

    @property
    def inside(self) -> str:
        """Folder of this version below the models' root, as Azure ML lays it out."""
        return f"{self.name}/{self.version}"


class Store:
    """Models below a folder.

    Raises (every method):
        UserError: StoreMissing, when the folder is expected and not there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(root)

    def register(self, name: str, path: Path) -> ModelVersion:
        """Keep a file or a folder as the model's next version, or return the last one if it has this content.

        Raises:
            UserError: ModelNameInvalid, ModelFileMissing.
        """
        if not _NAME.fullmatch(name):
            raise UserError(
                "ModelNameInvalid",
                f"model name {name!r}: letters, digits, '.', '_' and '-', at most 255, starting with a letter or digit",
            )
        if not path.exists():
            raise UserError("ModelFileMissing", f"{path}: no such file or folder to register")
        entries = layers.entries_of(path.resolve(), "")
        if not entries:
            raise UserError("ModelFileMissing", f"{path}: the folder holds no file")
        weights = self.layout.write(layers.tar(entries))
        config = self.layout.add(digests.canonical_json({"descriptor": {"name": name}}))
        manifest = self.layout.add(
            digests.canonical_json(
                {
                    "schemaVersion": 2,
                    "mediaType": MANIFEST,
                    "artifactType": ARTIFACT,
                    "config": config.descriptor(CONFIG),
                    "layers": [weights.descriptor(WEIGHTS)],
                }
            )
        )
        return self._record(name, manifest, weights)

    def _record(self, name: str, manifest: Blob, weights: Blob) -> ModelVersion:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        while True:
            last = max(self.versions(name), default=0)
            if last and (known := self._read(name, last)).digest == manifest.digest:
                return known
            number = last + 1
            version = ModelVersion(name, number, manifest.digest, weights, created)
            try:
                files.create(self._path(name, number), digests.canonical_json(asdict(version)))
            except FileExistsError:
                continue  # another process took the number
            return version

    def get(self, name: str, version: int) -> ModelVersion:
        """The model's version.

        Raises:
            UserError: StoreMissing, ModelNotFound, VersionNotFound, ModelDamaged.
        """
        self._require()
        try:
            found = self._read(name, version)
        except FileNotFoundError:
            raise self._not_found(name, version) from None
        if not self.layout.has(found.weights):
            raise UserError(
                "ModelDamaged",
                f"model {name}:{version}: its content is missing from the store at {self.root}",
            )
        return found

    def _read(self, name: str, version: int) -> ModelVersion:
        record = json.loads(self._path(name, version).read_bytes())
        return ModelVersion(**{**record, "weights": Blob(**record["weights"])})

    def select(self, wanted: Iterable[ModelRef]) -> tuple[ModelVersion, ...]:
        """The versions that a spec names.

        Raises:
            UserError: as get(); the message names the field.
        """
        found = []
        for index, model in enumerate(wanted):
            try:
                found.append(self.get(model.name, model.version))
            except UserError as error:
                raise UserError(error.reason, f"spec.models[{index}]: {error}") from None
        return tuple(found)

    def versions(self, name: str) -> list[int]:
        """Numbers of the model's versions, ascending."""
        folder = self._path(name, 0).parent
        return sorted(int(path.stem) for path in folder.glob("[0-9]*.json")) if folder.is_dir() else []

    def models(self) -> list[ModelVersion]:
        """Every version of every model, by name and version."""
        self._require()
        names = sorted(path.name for path in (self.root / "models").glob("*") if path.is_dir())
        return [self.get(name, version) for name in names for version in self.versions(name)]

    def _path(self, name: str, version: int) -> Path:
        return self.root / "models" / name / f"{version}.json"

    def _require(self) -> None:
        if not self.root.is_dir():
            raise UserError(
                "StoreMissing",
                f"the store folder {self.root} does not exist; register a model (lmd model register) "
                "or name another folder with LOCALMODEL_HOME",
            )

    def _not_found(self, name: str, version: int) -> UserError:
        versions = self.versions(name)
        if versions:
            return UserError(
                "VersionNotFound",
                f"model {name} has no version {version}; there are: {', '.join(map(str, versions))}",
            )
        known = sorted(path.name for path in (self.root / "models").glob("*"))
        hint = f"registered are: {', '.join(known[:10])}" if known else "no model is registered yet"
        return UserError(
            "ModelNotFound",
            f"model {name} is not in the store; {hint}. Register it: lmd model register PATH --name {name}",
        )
