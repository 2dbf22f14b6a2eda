"""The store's models: named, numbered and immutable files and folders, with their tags and aliases."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localmodel import pickles, reasons
from localmodel.disk import folder, size, state_file
from localmodel.disk.home_errors import telling
from localmodel.errors import UserError
from localmodel.notebook import bar, html
from localmodel.notebook.table_list import TableList
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout, Meter, hashed
from localmodel.store import artifacts, uses
from localmodel.store.aliases import Aliases
from localmodel.store.origin import Origin
from localmodel.store.records import RecordKind, Records
from localmodel.store.uses import Use

# Properties of what was taken in from an address: the address, and what the place calls this content of it.
ADDRESS = "address"
MARK = "address-version"


@dataclass(frozen=True)
class ModelVersion:
    """A version of a model in the store.

    Attributes:
        name: the model's name.
        version: its number.
        digest: the digest of its manifest.
        weights: the tar that holds its files.
        created: a time in ISO 8601.
        tags: words to find it by, which can be changed.
        properties: facts about it, which cannot be changed.
        description: a text.
        framework: a framework as Azure ML names it, or "".
        framework_version: the framework's version, or "".
        pickles: what was seen in its pickles, such as the packages that they import.
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
        """The folder of this version below AZUREML_MODEL_DIR: `name/version`."""
        return f"{self.name}/{self.version}"

    def _row(self) -> dict[str, str]:
        return {
            "name": self.name,
            "version": str(self.version),
            "created": self.created,
            "size": size.words(self.weights.size),
            "framework": f"{self.framework} {self.framework_version}".strip(),
            "tags": ", ".join(f"{key}={value}" for key, value in self.tags.items()),
            "description": self.description,
        }

    def _repr_html_(self) -> str:
        return html.fields(self._row())


KIND = RecordKind(
    artifacts.MODEL,
    "models",
    "model",
    reasons.MODEL_NAME_INVALID,
    reasons.MODEL_NOT_FOUND,
    ModelVersion,
    "Register it: lmd model register PATH --name {name}",
    lambda left, right: _described(left) == _described(right),
    "NAME, NAME:NUMBER or NAME@ALIAS",
)


@telling
class Models:
    """The models in the store, returned by Client.models.

    Raises (every method that reads):
        UserError: StoreMissing, ModelNotFound, VersionNotFound.
    """

    def __init__(self, layout: Layout, origin: Origin | None = None) -> None:
        self._layout = layout
        self.records = Records(layout, KIND, origin)
        self._aliases = Aliases(self.records)

    def _repr_html_(self) -> str:
        return html.text(f"the latest version of each model in {self._layout.root}") + html.in_time(
            lambda: html.rows([model._row() for model in self.list(latest=True)], "none"), "they cannot be shown"
        )

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
        """Add a file or folder as the next version of this name, or return the latest version if it is the same.

        `progress` is called with the bytes done and the bytes in all. Without it, a notebook shows a bar if it takes
        long.

        Raises:
            UserError: ModelNameInvalid, ModelFileMissing, ModelIncomplete, StoreFull.
        """
        self.records.check_name(name)
        path = Path(path)
        entries = _entries(path)
        with self.records.writing():
            weights = self._write(entries, progress, f"registering {path.name}")
            version = ModelVersion(
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
            return self.records.keep(version)

    def import_(self, uri: str, *, name: str | None = None, progress: Meter | None = None) -> ModelVersion:
        """Fetch the model at an address, and add it as the next version of its name unless the latest is the same.

        Args:
            uri: `https://…`, `s3://`, `gs://`, `az://`, `hf://OWNER/MODEL@REVISION`, `oci://HOST/REPOSITORY:TAG`,
                `models:/NAME@ALIAS`, `runs:/ID/PATH` or `file:///PATH`. `#sha256=…` behind the address of one file says
                which content it must have.
            name: the model's name; None: that of the file, folder or model there.
            progress: as in `register()`.

        Raises:
            UserError: AddressInvalid, AddressNotFound, AddressRefused, AddressUnreachable, DigestMismatch.
            UserError: LibraryMissing, TooManyFiles, StoreFull, and the errors of `register()`.
        """
        from localmodel.addresses.address import parse
        from localmodel.store.fetched import from_address
        from localmodel.store.store import Store

        with bar.meter(f"importing {parse(uri).shown}") as shown:
            return from_address.import_model(Store(self._layout.root), uri, name, progress or shown)

    def _write(self, entries: Sequence[layers.Entry], progress: Meter | None, title: str) -> Blob:
        total = sum(entry.size for entry in entries)
        with bar.meter(title) as shown:
            report = progress or shown
            tell = None if report is None else lambda done: report(min(done, total), total)
            return self._layout.write(layers.tar(entries), tell, needed=total)

    def get(self, name: str, version: int | None = None) -> ModelVersion:
        """This version of the model; without a number the latest.

        Raises:
            UserError: ModelDamaged, if its content is missing.
        """
        return self._whole(self.records.get(name, version))

    def find(self, reference: str) -> ModelVersion:
        """The version that `name` (the latest), `name:3`, `name@alias` or `name@latest` names.

        Raises:
            UserError: ModelDamaged, AliasNotFound.
        """
        return self._whole(self._known(reference))

    def known(self, reference: str) -> ModelVersion:
        """What is known of the version now, whether its content is on this machine or not.

        Raises:
            UserError: AliasNotFound.
        """
        self.records.look()
        return self._known(reference)

    def _known(self, reference: str) -> ModelVersion:
        name, at, alias = reference.partition("@")
        if not at or alias == "latest":
            return self.records.find(name)
        return self.records.get(name, self._aliases.version(name, alias))

    def fetch(self, name: str, version: int, progress: Meter | None = None) -> ModelVersion:
        """This version, whose content is fetched from a shared store if it is not on this machine.

        Raises:
            UserError: ModelDamaged, RegistryUnreachable, RegistryRefused, ContentDamaged, StoreFull.
        """
        return self._whole(self.records.get(name, version), progress)

    def is_elsewhere(self, name: str, version: int) -> bool:
        """Whether the version's content has to be fetched from a shared store."""
        return self.records.is_shared and not self._layout.has(self.records.get(name, version).weights)

    def versions(self, name: str) -> list[int]:
        """The numbers of its versions, ascending."""
        return self.records.numbers(name)

    def list(
        self, name: str | None = None, tags: Mapping[str, str | None] | None = None, latest: bool = False
    ) -> list[ModelVersion]:
        """All versions, sorted by name and number: of one name, with all of these tags, or only the latest of each.

        A tag with the value None may have any value. A version whose record cannot be read is left out, with a warning
        in the log of `localmodel.disk.state_file`.
        """
        versions = self.records.list(name, latest, state_file.skip)
        return TableList(model for model in versions if _has(model.tags, tags or {}))

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
        """Add, replace and remove tags, add properties, or replace the description.

        Raises:
            UserError: PropertyImmutable, if a property has another value already.
        """
        gone = set(remove_tags)

        def edit(model: ModelVersion) -> ModelVersion:
            added = dict(properties or {})
            for key, value in added.items():
                if model.properties.get(key, value) != value:
                    raise UserError(
                        reasons.PROPERTY_IMMUTABLE,
                        f"property {key} of {name}:{version} is {model.properties[key]!r} and cannot change; use a tag",
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
            UserError: AliasInvalid.
        """
        self._aliases.set(name, alias, self.records.get(name, version).version)

    def remove_alias(self, name: str, alias: str) -> None:
        """Remove the alias. The version that it names stays.

        Raises:
            UserError: AliasNotFound.
        """
        self._aliases.remove(name, alias)

    def aliases(self, name: str) -> dict[str, int]:
        """The version that each alias of the model names."""
        return self._aliases.of(name)

    def download(self, name: str, version: int | None, target_dir: Path | str, exist_ok: bool = False) -> Path:
        """Write the model's file or folder, under its own name, into `target_dir`, and return its path.

        Raises:
            UserError: FileExists, unless `exist_ok`.
        """
        weights = self._layout.path(self.get(name, version).weights.digest)
        target = Path(target_dir, layers.top(weights))
        if target.exists() and not exist_ok:
            raise UserError(reasons.FILE_EXISTS, f"{target} exists already; remove it, or say that it may be replaced")
        layers.extract_into(weights, target)
        return target

    def uses(self, name: str, version: int) -> tuple[Use, ...]:
        """The revisions of deployments that use this version."""
        self.records.get(name, version)
        return self._uses(name, version, state_file.skip)

    def _uses(self, name: str, version: int, skip: Callable[[UserError], None] | None = None) -> tuple[Use, ...]:
        return tuple(use for use in uses.gather(self._layout.root, skip) if f"{name}:{version}" in use.models)

    def delete(self, name: str, version: int) -> None:
        """Remove the version. Its number is not used again; `lmd store gc` frees the space.

        Raises:
            UserError: ModelInUse; StateDamaged or StateNewer, if the record of something that may use it is unreadable.
        """
        if using := self._uses(name, version):
            raise UserError(
                reasons.MODEL_IN_USE,
                f"model {name}:{version} is used by {', '.join(sorted({str(use) for use in using}))}; "
                "delete the deployment first, or move it to another version",
            )
        self.records.remove(name, version)

    def _whole(self, model: ModelVersion, progress: Meter | None = None) -> ModelVersion:
        if not self._layout.has(model.weights):
            with bar.meter(f"fetching {model.name}:{model.version}") as shown:
                self.records.fetch(model, progress or shown)
        if not self._layout.has(model.weights):
            raise UserError(
                reasons.MODEL_DAMAGED,
                f"model {model.name}:{model.version}: its content is missing from the store at {self._layout.root}",
            )
        return model


def of_content(models: Models, name: str, path: Path) -> ModelVersion:
    """The name's newest version with the content of the file or folder, which is registered where there is none.

    Raises:
        UserError: as Models.register().
    """
    records = models.records
    records.check_name(name)
    if numbers := records.numbers(name):
        weights = weights_of(path)
        for number in reversed(numbers):
            with suppress(UserError):  # a record that cannot be read, or content that is lost
                if (version := models.get(name, number)).weights == weights:
                    return version
    return models.register(name, path)


def weights_of(path: Path) -> Blob:
    """The tar that would hold the file or folder.

    Raises:
        UserError: ModelFileMissing, ModelIncomplete.
    """
    return hashed(layers.tar(_entries(path)))


def _entries(path: Path) -> list[layers.Entry]:
    """All files and folders of the model."""
    if not path.exists():
        if path.is_symlink():
            raise UserError(reasons.MODEL_FILE_MISSING, f"{path} points to nothing ({path.readlink()}): {_FETCH}")
        raise UserError(reasons.MODEL_FILE_MISSING, f"{path}: no such file or folder to register")
    try:
        entries = layers.entries_of(path.resolve(), "")
    except folder.DanglingLinkError as error:
        raise UserError(reasons.MODEL_INCOMPLETE, f"{path}: {error}; {_FETCH}") from None
    except folder.UnusableFolderError as error:
        raise UserError(
            reasons.MODEL_INCOMPLETE, f"{path}: {error}; a model is registered whole, or not at all"
        ) from None
    if not entries:
        raise UserError(reasons.MODEL_FILE_MISSING, f"{path}: the folder holds no file")
    return entries


_FETCH = "fetch it first (dvc pull, git annex get), or remove the link"


def _described(model: ModelVersion) -> tuple[object, ...]:
    """The fields by which two registrations are the same: the files and the user's description."""
    words = (model.description, model.framework, model.framework_version)
    return (model.weights, dict(model.tags), dict(model.properties), *words)


def _has(tags: Mapping[str, str], wanted: Mapping[str, str | None]) -> bool:
    return all(key in tags and value in (None, tags[key]) for key, value in wanted.items())
