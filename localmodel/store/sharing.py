"""A version as it travels, to a registry or in a file: its manifest as it is, and its record in a second one.

The manifest is never changed on the way, so that its digest is the version's identity everywhere. The record (tags,
properties, description, ...) is an artifact of its own whose `subject` is the manifest. It may be lost: other tools
copy the first without the second.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localmodel import digests, layers, pickles
from localmodel.errors import UserError
from localmodel.layout import Blob, Layout
from localmodel.store import artifacts
from localmodel.store.code import Code, CodeVersion
from localmodel.store.environments import Environments, EnvironmentVersion, spec_of
from localmodel.store.index import MANIFEST
from localmodel.store.models import Models, ModelVersion

AnyVersion = ModelVersion | EnvironmentVersion | CodeVersion

RECORD = "application/vnd.localmodel.record.v1+json"
_LIMIT = 16 << 20  # bytes of a record, which is held in memory
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
        raise UserError("StoreDamaged", f"{version.name}:{version.version}: its manifest is missing") from None
    content = json.loads(manifest)
    blobs = tuple(dict.fromkeys(artifacts.blobs(content)))
    for blob in blobs:
        if not layout.has(blob):
            raise UserError("StoreDamaged", f"{version.name}:{version.version}: blob {blob.digest} is missing")
    record = digests.canonical_json(asdict(version))
    about = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": RECORD,
        "config": _blob(_EMPTY).descriptor(_EMPTY_TYPE),
        "layers": [_blob(record).descriptor(RECORD)],
        "subject": Blob(version.digest, len(manifest)).descriptor(MANIFEST),
    }
    return Parcel(manifest, content["artifactType"], blobs, digests.canonical_json(about), (_EMPTY, record))


def record_of(about: bytes | None, digest: str) -> Blob | None:
    """The blob that holds the record, if this manifest is about the one with the digest, and of a record's size."""
    try:
        content = json.loads(about or b"null")
        if content["artifactType"] != RECORD or content["subject"]["digest"] != digest:
            return None
        blob = artifacts.blob(content["layers"][0])
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return blob if blob.size <= _LIMIT else None


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
            content = json.loads(manifest)
            blobs = artifacts.blobs(content)
            fits = [layer["mediaType"] for layer in content["layers"]] == [_LAYERS[content.get("artifactType")]]
        except (ValueError, KeyError, TypeError):
            fits = False
        if not fits:
            raise UserError(
                "ArtifactUnsupported",
                "this is no model, environment or code that the store can take: a model is a ModelPack artifact "
                f"whose files are one layer, {artifacts.WEIGHTS}",
            )
        return blobs

    def keep(self, manifest: bytes, record: bytes | None, name: str | None) -> AnyVersion:
        """Name and number what has arrived; a version that is the very same is found again, whatever its number.

        Raises:
            UserError: ArtifactUnsupported, NameMissing, or the name is invalid.
        """
        layers_of = self.check(manifest)
        try:
            told = _told(record)
            found = self._version(json.loads(manifest), self._layout.add(manifest), layers_of, told, name)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError("ArtifactUnsupported", "what has arrived is not what its media types say") from None
        if isinstance(found, ModelVersion):
            return self._models.keep(found, anywhere=True)
        if isinstance(found, EnvironmentVersion):
            return self._environments.keep(found, anywhere=True)
        return self._code.keep(found, anywhere=True)

    def _version(
        self, manifest: Mapping[str, Any], own: Blob, blobs: list[Blob], told: dict[str, Any], name: str | None
    ) -> AnyVersion:
        config, content = (blob.digest for blob in blobs)
        created = str(told.get("created") or datetime.now(UTC).isoformat(timespec="seconds"))
        if manifest["artifactType"] == artifacts.ENVIRONMENT:
            body = json.loads(self._layout.read(content))
            spec = spec_of(body["spec"])
            return EnvironmentVersion(_name(name, body), 0, own.digest, spec, _texts(body, "variables"), created)
        about = json.loads(self._layout.read(config))
        if manifest["artifactType"] == artifacts.CODE:
            return CodeVersion(_name(name, told), 0, own.digest, str(about["entry"]), created)
        return ModelVersion(
            _name(name, told, about.get("descriptor", {})),
            0,
            own.digest,
            blobs[1],
            created,
            _texts(told, "tags"),
            _texts(told, "properties"),
            str(told.get("description", "")),
            str(told.get("framework", "")),
            str(told.get("framework_version", "")),
            self._pickles(content),
        )

    def _pickles(self, weights: str) -> dict[str, Any]:
        """Looked for here, whatever the sender says of them."""
        with tempfile.TemporaryDirectory(dir=self._layout.root / "incoming") as folder:
            layers.extract(self._layout.path(weights), Path(folder))
            return pickles.examine(next(Path(folder).iterdir()))


_LAYERS = {
    artifacts.MODEL: artifacts.WEIGHTS,
    artifacts.ENVIRONMENT: artifacts.ENVIRONMENT,
    artifacts.CODE: artifacts.CODE_FILES,
}


def _told(record: bytes | None) -> dict[str, Any]:
    told = json.loads(record) if record else {}
    if not isinstance(told, dict):
        raise TypeError(told)
    return told


def _texts(told: Mapping[str, Any], field: str) -> dict[str, str]:
    return {str(key): str(value) for key, value in told.get(field, {}).items()}


def _name(given: str | None, *told: Mapping[str, Any]) -> str:
    for name in (given, *(each.get("name") for each in told)):
        if name:
            return str(name)
    raise UserError("NameMissing", "what has arrived does not say its name; give one (--name)")


def _blob(content: bytes) -> Blob:
    return Blob(digests.of_bytes(content), len(content))
