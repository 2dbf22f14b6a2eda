"""The models: files and folders with a name, numbered and immutable, their tags and aliases beside them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localmodel import pickles
from localmodel.disk import folder, state_file
from localmodel.disk.home_errors import telling
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout, Meter
from localmodel.store import artifacts, uses
from localmodel.store.aliases import Aliases
from localmodel.store.records import RecordKind, Records
from localmodel.store.uses import Use


@dataclass(frozen=True)
class ModelVersion:
    """A registered model: `digest` names its manifest, `weights` the tar that holds the files.

    `pickles` is what pickles.examine found in them; `framework` a word of Azure ML's, or "".
    """

    name: str
    version: int
    digest: str
    weights: Blob
    created: str
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    framework: str = ""
    framework_version: str = ""
    pickles: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inside(self) -> str:
        """Folder of this version below the models' root, as Azure ML lays it out."""
        return f"{self.name}/{self.version}"


KIND = RecordKind(
    artifacts.MODEL,
    "models",
    "model",
    "ModelNameInvalid",
    "ModelNotFound",
    ModelVersion,
    "Register it: lmd model register PATH --name {name}",
    lambda one, other: _described(one) == _described(other),
)


@telling
class Models:
    """The store's models.

    Raises (every method that reads):
        UserError: StoreMissing, when the folder is expected and not there; ModelNotFound, VersionNotFound.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.records = Records(layout, KIND)
        self._aliases = Aliases(self.records)

    def register(
        self,
        name: str,
        path: Path | str,
        *,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str = "",
        framework: str = "",
        framework_version: str = "",
        progress: Meter | None = None,
    ) -> ModelVersion:
        """Keep a file or a folder as the model's next version, or return the latest if it is the very same.

        Raises:
            UserError: ModelNameInvalid, ModelFileMissing, ModelIncomplete, StoreFull.
        """
        self.records.check_name(name)
        path = Path(path)
        entries = _entries(path)
        size = sum(entry.size for entry in entries)
        tell = None if progress is None else lambda done: progress(min(done, size), size)
        with self.records.writing():
            weights = self._layout.write(layers.tar(entries), tell, needed=size)
            found = ModelVersion(
                name,
                0,
                artifacts.model(self._layout, name, weights).digest,
                weights,
                datetime.now(UTC).isoformat(timespec="seconds"),
                dict(tags or {}),
                dict(properties or {}),
                description,
                framework,
                framework_version,
                pickles.examine(path),
            )
            return self.records.keep(found)

    def get(self, name: str, version: int | None = None) -> ModelVersion:
        """The model's version, with its content; the latest without a number.

        Raises:
            UserError: ModelDamaged, too.
        """
        return self._whole(self.records.get(name, version))

    def find(self, reference: str) -> ModelVersion:
        """The version that `name` (the latest), `name:3`, `name@alias` or `name@latest` names.

        Raises:
            UserError: as get(); AliasNotFound.
        """
        name, at, alias = reference.partition("@")
        if not at or alias == "latest":
            return self._whole(self.records.find(name))
        return self.get(name, self._aliases.version(name, alias))

    def versions(self, name: str) -> list[int]:
        """Numbers of the model's versions, ascending."""
        return self.records.numbers(name)

    def list(
        self, name: str | None = None, tags: Mapping[str, str | None] | None = None, latest: bool = False
    ) -> list[ModelVersion]:
        """Every version by name and number: of one name, with these tags (None: whatever its value), the latest.

        One whose record cannot be read is left out and named in the log of `localmodel.disk.state_file`.
        """
        self.records.require()
        return [model for model in self.records.list(name, latest, state_file.skip) if _has(model.tags, tags or {})]

    def update(
        self,
        name: str,
        version: int,
        *,
        tags: Mapping[str, str] | None = None,
        remove_tags: Iterable[str] = (),
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
    ) -> ModelVersion:
        """Add or replace tags, remove some, add properties (they only grow), replace the description.

        Raises:
            UserError: PropertyImmutable, too.
        """
        gone = set(remove_tags)

        def edit(model: ModelVersion) -> ModelVersion:
            added = dict(properties or {})
            for key, value in added.items():
                if model.properties.get(key, value) != value:
                    raise UserError(
                        "PropertyImmutable",
                        f"property {key} of {name}:{version} is {model.properties[key]!r} for good; use a tag",
                    )
            return replace(
                model,
                tags={**{key: value for key, value in model.tags.items() if key not in gone}, **(tags or {})},
                properties={**model.properties, **added},
                description=model.description if description is None else description,
            )

        return self.records.change(name, version, edit)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Let the alias name this version of the model.

        Raises:
            UserError: AliasInvalid, too.
        """
        self._aliases.set(name, alias, self.get(name, version).version)

    def remove_alias(self, name: str, alias: str) -> None:
        """
        Raises:
            UserError: AliasNotFound.
        """
        self._aliases.remove(name, alias)

    def aliases(self, name: str) -> dict[str, int]:
        """The model's aliases and the versions they name."""
        return self._aliases.of(name)

    def download(self, name: str, version: int | None, target_dir: Path | str, exist_ok: bool = False) -> Path:
        """Write the model's file or folder, under its own name, into a folder. Returns its path.

        Raises:
            UserError: FileExists, unless `exist_ok`.
        """
        weights = self._layout.path(self.get(name, version).weights.digest)
        target = Path(target_dir, layers.top(weights))
        if target.exists() and not exist_ok:
            raise UserError("FileExists", f"{target} exists already; remove it, or say that it may be replaced")
        layers.extract_into(weights, target)
        return target

    def uses(self, name: str, version: int) -> tuple[Use, ...]:
        """The revisions of deployments that have this version among their models."""
        self.records.get(name, version)
        return self._uses(name, version, state_file.skip)

    def _uses(self, name: str, version: int, skip: Callable[[UserError], None] | None = None) -> tuple[Use, ...]:
        return tuple(use for use in uses.gather(self._layout.root, skip) if f"{name}:{version}" in use.models)

    def delete(self, name: str, version: int) -> None:
        """Remove the version. Its number is never used again; its content goes with the next garbage collection.

        Raises:
            UserError: ModelInUse; StateDamaged or StateNewer, when something that may use it cannot be read.
        """
        if using := self._uses(name, version):
            raise UserError(
                "ModelInUse",
                f"model {name}:{version} is used by {', '.join(sorted({str(use) for use in using}))}; "
                "delete the deployment first, or move it to another version",
            )
        self.records.remove(name, version)

    def _whole(self, model: ModelVersion) -> ModelVersion:
        if not self._layout.has(model.weights):
            raise UserError(
                "ModelDamaged",
                f"model {model.name}:{model.version}: its content is missing from the store at {self._layout.root}",
            )
        return model


def _entries(path: Path) -> list[layers.Entry]:
    """All that the model is made of."""
    if not path.exists():
        if path.is_symlink():
            raise UserError("ModelFileMissing", f"{path} points to nothing ({path.readlink()}): {_FETCH}")
        raise UserError("ModelFileMissing", f"{path}: no such file or folder to register")
    try:
        entries = layers.entries_of(path.resolve(), "")
    except folder.Dangling as error:
        raise UserError("ModelIncomplete", f"{path}: {error}; {_FETCH}") from None
    except folder.Unusable as error:
        raise UserError("ModelIncomplete", f"{path}: {error}; a model is registered whole, or not at all") from None
    if not entries:
        raise UserError("ModelFileMissing", f"{path}: the folder holds no file")
    return entries


_FETCH = "fetch it first (dvc pull, git annex get), or remove the link"


def _described(model: ModelVersion) -> tuple[object, ...]:
    """What makes two registrations the same: the files, and what the user told of them."""
    words = (model.description, model.framework, model.framework_version)
    return (model.weights, dict(model.tags), dict(model.properties), *words)


def _has(tags: Mapping[str, str], wanted: Mapping[str, str | None]) -> bool:
    return all(key in tags and value in (None, tags[key]) for key, value in wanted.items())
