"""Packs versions for a registry or a file: the unchanged manifest, and the record in a second one.

The digest of the manifest is the version's identity everywhere. The record (tags, properties, description, ...) is an
artifact of its own, whose `subject` is the manifest. It may be missing, because other tools copy the first without the
second.
"""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localmodel import digests, pickles, reasons
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout
from localmodel.oci.media_types import MANIFEST
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import artifacts
from localmodel.store.code import Code, CodeVersion
from localmodel.store.environments import Environments, EnvironmentVersion, spec_of
from localmodel.store.models import Models, ModelVersion
from localmodel.store.sharing import received
from localmodel.store.sharing.note import Note, note

AnyVersion = ModelVersion | EnvironmentVersion | CodeVersion

RECORD = "application/vnd.localmodel.record.v1+json"


@dataclass(frozen=True)
class Parcel:
    """A packed version. `blobs` and the manifest are in the layout."""

    manifest: bytes
    artifact: str
    blobs: tuple[Blob, ...]
    record: Note


def pack(layout: Layout, version: AnyVersion) -> Parcel:
    """Pack a version.

    Raises:
        UserError: StoreDamaged.
    """
    try:
        manifest = layout.read(version.digest)
    except FileNotFoundError:
        raise UserError(reasons.STORE_DAMAGED, f"{version.name}:{version.version}: its manifest is missing") from None
    try:
        content = received.value(manifest)
        blobs, kind = tuple(dict.fromkeys(artifacts.blobs(content))), received.text(content, "artifactType")
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UserError(reasons.STORE_DAMAGED, f"{version.name}:{version.version}: its manifest is damaged") from None
    for blob in blobs:
        if not layout.has(blob):
            raise UserError(reasons.STORE_DAMAGED, f"{version.name}:{version.version}: blob {blob.digest} is missing")
    return Parcel(manifest, kind, blobs, record(version, len(manifest)))


def record(version: AnyVersion, manifest_size: int) -> Note:
    """The record of a version, whose manifest has this size."""
    subject = Blob(version.digest, manifest_size).descriptor(MANIFEST)
    return note(RECORD, digests.canonical_json(asdict(version)), subject)


def record_of(about: bytes | None, digest: str) -> Blob | None:
    """The blob with the record, if the manifest `about` is about this digest and the blob has a record's size."""
    try:
        content = received.value(about or b"null")
        if content["artifactType"] != RECORD or content["subject"]["digest"] != digest:
            return None
        blob = artifacts.blob(content["layers"][0])
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return blob if blob.size <= received.MOST_JSON else None


class Receiver:
    """Makes versions of what has arrived in the layout, and does not trust it to be valid."""

    def __init__(self, layout: Layout, models: Models, environments: Environments, code: Code) -> None:
        self._layout, self._models, self._environments, self._code = layout, models, environments, code

    def check(self, manifest: bytes) -> list[Blob]:
        """The blobs that have to arrive with the manifest.

        Raises:
            UserError: ArtifactUnsupported.
        """
        try:
            content = received.value(manifest)
            kind = content["artifactType"]
            fits = [layer["mediaType"] for layer in content["layers"]] == [_LAYERS[kind]]
            config, body = artifacts.blobs(content)
            # These are read into memory.
            large = max(config.size, body.size if kind == artifacts.ENVIRONMENT else 0) > received.MOST_JSON
        except (ValueError, KeyError, TypeError):
            fits = large = False
        if not fits or large:
            raise UserError(
                reasons.ARTIFACT_UNSUPPORTED,
                "this is not a model, environment or code that the store can take: a model is a ModelPack artifact "
                f"whose files are one layer, {artifacts.WEIGHTS}"
                + (f", and whose configuration has at most {received.MOST_JSON} bytes" if large else ""),
            )
        return [config, body]

    def version(self, manifest: bytes, record: bytes | None, name: str | None) -> AnyVersion:
        """The version that has arrived, still without a number; its blobs are in the layout.

        Raises:
            UserError: ArtifactUnsupported, ArchiveInvalid, NameMissing, or the name is invalid.
        """
        blobs = self.check(manifest)
        try:
            version = self._version(received.value(manifest), self._layout.add(manifest), blobs, _fields(record), name)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                reasons.ARTIFACT_UNSUPPORTED, f"what has arrived is not what its media types say: {received.why(error)}"
            ) from None
        self._registry(version).records.check_name(version.name)
        return version

    def keep(self, versions: Iterable[AnyVersion], only: type[AnyVersion] | None) -> list[AnyVersion]:
        """Make all versions and number them; one that exists already keeps its number.

        Raises:
            UserError: OtherKind, if one is not of the kind `only`.
        """
        made = list(versions)
        for version in made:
            if only is not None and not isinstance(version, only):
                raise UserError(reasons.OTHER_KIND, f"this is {_WORDS[type(version)]}, not {_WORDS[only]}")
        return [self._registry(version).records.keep(version, anywhere=True) for version in made]

    def _registry(self, version: AnyVersion) -> Any:
        if isinstance(version, ModelVersion):
            return self._models
        return self._environments if isinstance(version, EnvironmentVersion) else self._code

    def _version(
        self, manifest: Mapping[str, Any], own: Blob, blobs: list[Blob], record: dict[str, Any], name: str | None
    ) -> AnyVersion:
        config, content = (blob.digest for blob in blobs)
        created = _time(received.text(record, "created"))
        if manifest["artifactType"] == artifacts.ENVIRONMENT:
            body = received.value(self._layout.read(content))
            spec = _spec(body["spec"])
            variables = received.texts(body, "variables")
            return EnvironmentVersion(_name(name, body), 0, own.digest, spec, variables, created)
        about = received.value(self._layout.read(config))
        if manifest["artifactType"] == artifacts.CODE:
            entry = received.text(about, "entry")
            if entry not in self._names(content):
                raise ValueError(f"there is no entry script {entry!r} in it")
            return CodeVersion(_name(name, record), 0, own.digest, entry, created)
        return ModelVersion(
            _name(name, record, about.get("descriptor", {})),
            0,
            own.digest,
            blobs[1],
            created,
            received.texts(record, "tags"),
            received.texts(record, "properties"),
            received.text(record, "description"),
            received.text(record, "framework"),
            received.text(record, "framework_version"),
            self._pickles(content),
        )

    def _names(self, code: str) -> set[str]:
        """The names of the files in a source folder, checked because they are written into JSON, too."""
        with self._layout.path(code).open("rb") as file:
            names = {str(member.path) for member in layers.members(file) if not member.is_folder}
        for name in names:
            name.encode()
        return names

    def _pickles(self, weights: str) -> dict[str, Any]:
        """The report on the model's pickles, made here, because the sender's is not trusted."""
        path = self._layout.path(weights)
        with path.open("rb") as file:
            if len({member.path.parts[0] for member in layers.members(file)}) != 1:
                raise ValueError("a model is one file or one folder")
        with tempfile.TemporaryDirectory(dir=self._layout.root / "incoming") as folder:
            layers.extract(path, Path(folder))
            return pickles.examine(next(Path(folder).iterdir()))


# The types of the config and the layers, by the artifact's type.
_WORDS: dict[type[AnyVersion], str] = {
    ModelVersion: "a model (lmd model)",
    EnvironmentVersion: "an environment (lmd env)",
    CodeVersion: "code (Store.import_from in Python)",
}
_LAYERS = {
    artifacts.MODEL: artifacts.WEIGHTS,
    artifacts.ENVIRONMENT: artifacts.ENVIRONMENT,
    artifacts.CODE: artifacts.CODE_FILES,
}


def _fields(record: bytes | None) -> dict[str, Any]:
    fields = received.value(record) if record else {}
    if not isinstance(fields, dict):
        raise TypeError("its record is not an object")
    return fields


def _spec(body: Mapping[str, Any]) -> EnvironmentSpec:
    spec = spec_of(body)
    texts = [
        spec.python,
        *spec.requirements,
        *(text for text in (spec.base_image, spec.dockerfile) if text is not None),
    ]
    if not isinstance(spec.requirements, tuple) or not all(isinstance(text, str) for text in texts):
        raise TypeError("its environment has fields of other types")
    return spec


def _time(created: str) -> str:
    """The time in the record; without one, the current time."""
    return datetime.fromisoformat(created).isoformat() if created else datetime.now(UTC).isoformat(timespec="seconds")


def _name(given: str | None, *records: Mapping[str, Any]) -> str:
    for name in (given, *(record.get("name") for record in records)):
        if name and isinstance(name, str):
            return name
    raise UserError(reasons.NAME_MISSING, "it has no name; give one with --name")
