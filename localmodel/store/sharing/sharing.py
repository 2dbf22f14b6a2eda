"""A version as it travels, to a registry or in a file: its manifest as it is, and its record in a second one.

The manifest is never changed on the way, so that its digest is the version's identity everywhere. The record (tags,
properties, description, ...) is an artifact of its own whose `subject` is the manifest. It may be lost: other tools
copy the first without the second.
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
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import artifacts
from localmodel.store.code import Code, CodeVersion
from localmodel.store.environments import Environments, EnvironmentVersion, spec_of
from localmodel.store.index import MANIFEST
from localmodel.store.models import Models, ModelVersion
from localmodel.store.sharing import received

AnyVersion = ModelVersion | EnvironmentVersion | CodeVersion

RECORD = "application/vnd.localmodel.record.v1+json"
_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


@dataclass(frozen=True)
class Parcel:
    """What is sent of a version: `blobs` lie in the layout, the manifest too; `extra` belongs to the record's."""

    manifest: bytes
    artifact: str
    blobs: tuple[Blob, ...]
    record: bytes
    extra: tuple[bytes, ...]


def pack(layout: Layout, version: AnyVersion) -> Parcel:
    """
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
    record = digests.canonical_json(asdict(version))
    about = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": RECORD,
        "config": _blob(_EMPTY).descriptor(_EMPTY_TYPE),
        "layers": [_blob(record).descriptor(RECORD)],
        "subject": Blob(version.digest, len(manifest)).descriptor(MANIFEST),
    }
    return Parcel(manifest, kind, blobs, digests.canonical_json(about), (_EMPTY, record))


def record_of(about: bytes | None, digest: str) -> Blob | None:
    """The blob that holds the record, if this manifest is about the one with the digest, and of a record's size."""
    try:
        content = received.value(about or b"null")
        if content["artifactType"] != RECORD or content["subject"]["digest"] != digest:
            return None
        blob = artifacts.blob(content["layers"][0])
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return blob if blob.size <= received.MOST_JSON else None


class Receiver:
    """Makes versions of what has arrived in the layout. What came from elsewhere is not trusted to be well formed."""

    def __init__(self, layout: Layout, models: Models, environments: Environments, code: Code) -> None:
        self._layout, self._models, self._environments, self._code = layout, models, environments, code

    def check(self, manifest: bytes) -> list[Blob]:
        """The blobs that have to arrive.

        Raises:
            UserError: ArtifactUnsupported.
        """
        try:
            content = received.value(manifest)
            kind = content["artifactType"]
            fits = [layer["mediaType"] for layer in content["layers"]] == [_LAYERS[kind]]
            config, body = artifacts.blobs(content)
            # These are held in memory.
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
        """What has arrived, whose blobs lie in the layout, as a version without a number.

        Raises:
            UserError: ArtifactUnsupported, ArchiveInvalid, NameMissing, or the name is invalid.
        """
        blobs = self.check(manifest)
        try:
            found = self._version(received.value(manifest), self._layout.add(manifest), blobs, _told(record), name)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                reasons.ARTIFACT_UNSUPPORTED, f"what has arrived is not what its media types say: {received.why(error)}"
            ) from None
        self._registry(found).records.check_name(found.name)
        return found

    def keep(self, versions: Iterable[AnyVersion], only: type[AnyVersion] | None) -> list[AnyVersion]:
        """Number the versions; one that is the very same is found again, whatever its number. All are made before.

        Raises:
            UserError: OtherKind, when one is something else than `only`.
        """
        made = list(versions)
        for found in made:
            if only is not None and not isinstance(found, only):
                raise UserError(reasons.OTHER_KIND, f"this is {_WORDS[type(found)]}, not {_WORDS[only]}")
        return [self._registry(found).records.keep(found, anywhere=True) for found in made]

    def _registry(self, found: AnyVersion) -> Any:
        if isinstance(found, ModelVersion):
            return self._models
        return self._environments if isinstance(found, EnvironmentVersion) else self._code

    def _version(
        self, manifest: Mapping[str, Any], own: Blob, blobs: list[Blob], told: dict[str, Any], name: str | None
    ) -> AnyVersion:
        config, content = (blob.digest for blob in blobs)
        created = _time(received.text(told, "created"))
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
            return CodeVersion(_name(name, told), 0, own.digest, entry, created)
        return ModelVersion(
            _name(name, told, about.get("descriptor", {})),
            0,
            own.digest,
            blobs[1],
            created,
            received.texts(told, "tags"),
            received.texts(told, "properties"),
            received.text(told, "description"),
            received.text(told, "framework"),
            received.text(told, "framework_version"),
            self._pickles(content),
        )

    def _names(self, code: str) -> set[str]:
        """The files of a source folder. They are written into JSON, too."""
        with self._layout.path(code).open("rb") as file:
            names = {str(member.path) for member in layers.members(file) if not member.is_folder}
        for name in names:
            name.encode()
        return names

    def _pickles(self, weights: str) -> dict[str, Any]:
        """Looked for here, whatever the sender says of them."""
        path = self._layout.path(weights)
        with path.open("rb") as file:
            if len({member.path.parts[0] for member in layers.members(file)}) != 1:
                raise ValueError("a model is one file or one folder")
        with tempfile.TemporaryDirectory(dir=self._layout.root / "incoming") as folder:
            layers.extract(path, Path(folder))
            return pickles.examine(next(Path(folder).iterdir()))


# With what takes them in.
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


def _told(record: bytes | None) -> dict[str, Any]:
    told = received.value(record) if record else {}
    if not isinstance(told, dict):
        raise TypeError("its record is not an object")
    return told


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
    """As it was told; the present where nothing was."""
    return datetime.fromisoformat(created).isoformat() if created else datetime.now(UTC).isoformat(timespec="seconds")


def _name(given: str | None, *told: Mapping[str, Any]) -> str:
    for name in (given, *(each.get("name") for each in told)):
        if name and isinstance(name, str):
            return name
    raise UserError(reasons.NAME_MISSING, "it has no name; give one with --name")


def _blob(content: bytes) -> Blob:
    return Blob(digests.of_bytes(content), len(content))
