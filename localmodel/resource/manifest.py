"""Reads a manifest or a folder with a kustomization.yaml, as `kubectl apply` would, without kustomize.

It reads `resources` and `configMapGenerator.files` of a kustomization. `configurations` and `generatorOptions` are
ignored, because they change nothing that is served without a cluster; any other field is refused by name.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.resource import schema
from localmodel_untrusted.files import UnreadableError, decoded, read_file

_KUSTOMIZATION = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CONFIG_MAP_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_MOST_BYTES = 64 * 1024 * 1024
_READ = {"apiVersion", "kind", "resources", "configMapGenerator", "configurations", "generatorOptions"}
_READ_OF_GENERATOR = {"name", "files", "options"}
# Fields of the generated ConfigMap itself, which no process sees.
_WITHOUT_EFFECT = {"disableNameSuffixHash", "labels", "annotations", "immutable"}


@dataclass(frozen=True)
class Manifests:
    """One LocalModelDeployment, valid and with defaults, and the ConfigMaps beside it (name -> key -> content).

    `beside` are Python files beside those in the ConfigMaps' generators that none of the generators lists.
    """

    deployment: Mapping[str, Any]
    config_maps: Mapping[str, Mapping[str, bytes]]
    beside: tuple[str, ...] = ()


def read(path: "Path | Mapping[str, Any] | Manifests") -> Manifests:
    """Read a manifest file, or a folder with a kustomization; check a mapping, or a manifest that was read before.

    A manifest that was read before may have been changed since, and then lacks defaults.

    Raises:
        UserError: InvalidManifest; the message names the file and the field.
    """
    if isinstance(path, Manifests):
        return replace(path, deployment=schema.validate(path.deployment))
    if isinstance(path, Mapping):
        return Manifests(schema.validate(path), {})
    if not path.exists():
        raise UserError(reasons.INVALID_MANIFEST, f"{path}: no such file or folder")
    documents, config_maps = _folder(path) if path.is_dir() else (_documents(path), {})
    deployments = []
    for file, document in documents:
        kind = (document.get("apiVersion"), document.get("kind"))
        if kind == (schema.API_VERSION, schema.KIND):
            deployments.append((file, document))
        elif kind == ("v1", "ConfigMap"):
            config_maps[_name(file, document)] = _config_map(file, document)
        elif kind[1] is None:
            raise UserError(reasons.INVALID_MANIFEST, f"{file}: kind is missing; expected {schema.KIND}")
        elif kind[1] == schema.KIND:
            raise UserError(
                reasons.INVALID_MANIFEST, f"{file}: apiVersion: {kind[0]} is unknown; expected {schema.API_VERSION}"
            )
        else:
            raise UserError(
                reasons.INVALID_MANIFEST, f"{file}: kind {kind[1]} ({kind[0]}) cannot be served by a process"
            )
    if len(deployments) != 1:
        raise UserError(
            reasons.INVALID_MANIFEST,
            f"{path}: expected one {schema.KIND} ({schema.API_VERSION}), found {len(deployments)}",
        )
    file, document = deployments[0]
    try:
        return Manifests(schema.validate(document), config_maps, beside(path) if path.is_dir() else ())
    except UserError as error:
        raise UserError(error.reason, "\n".join(f"{file}: {line}" for line in str(error).splitlines())) from None


def beside(folder: Path) -> tuple[str, ...]:
    """`Manifests.beside` for a folder with a kustomization; empty if that cannot be read."""
    file = _kustomization(folder)
    with contextlib.suppress(UserError, OSError, AttributeError, TypeError):
        generators = _load(file)[0].get("configMapGenerator", []) if file else []
        listed = [folder / item.rpartition("=")[2] for generator in generators for item in generator.get("files", [])]
        scripts = {script for parent in {path.parent for path in listed} for script in parent.glob("*.py")}
        return tuple(sorted(script.name for script in scripts - set(listed)))
    return ()


def _folder(
    folder: Path,
) -> tuple[list[tuple[Path, dict[str, Any]]], dict[str, Mapping[str, bytes]]]:
    file = _kustomization(folder)
    if file is None:
        raise UserError(reasons.INVALID_MANIFEST, f"{folder}: no kustomization.yaml")
    kustomization = _load(file)[0]
    _only(_READ, kustomization, f"{file}: ")
    _only(_WITHOUT_EFFECT, kustomization.get("generatorOptions"), f"{file}: generatorOptions.")
    documents = [
        pair for resource in kustomization.get("resources", []) for pair in _documents(_inside(file, resource))
    ]
    config_maps: dict[str, Mapping[str, bytes]] = {
        generator["name"]: _generated(file, index, generator)
        for index, generator in enumerate(kustomization.get("configMapGenerator", []))
    }
    return documents, config_maps


def _kustomization(folder: Path) -> Path | None:
    return next((folder / name for name in _KUSTOMIZATION if (folder / name).is_file()), None)


def _generated(file: Path, index: int, generator: Mapping[str, Any]) -> dict[str, bytes]:
    _only(_READ_OF_GENERATOR, generator, f"{file}: configMapGenerator[{index}].")
    _only(_WITHOUT_EFFECT, generator.get("options"), f"{file}: configMapGenerator[{index}].options.")
    content = {}
    for item in generator.get("files", []):
        key, _, name = item.rpartition("=")
        source = _inside(file, name)
        content[key or source.name] = source.read_bytes()
    return _with_valid_keys(file, content)


def _only(read: set[str], fields: object, where: str) -> None:
    if not isinstance(fields, Mapping | None):
        raise UserError(reasons.INVALID_MANIFEST, f"{where.rstrip('.')}: a mapping is expected")
    for field in fields or ():
        if field not in read:
            raise UserError(reasons.INVALID_MANIFEST, f"{where}{field}: not supported by the process target")


def _inside(file: Path, name: str) -> Path:
    path = file.parent / name
    if not path.is_file():
        raise UserError(reasons.INVALID_MANIFEST, f"{file}: {name}: no such file beside it")
    return path


def _config_map(file: Path, document: Mapping[str, Any]) -> dict[str, bytes]:
    if "binaryData" in document:
        raise UserError(reasons.INVALID_MANIFEST, f"{file}: binaryData: not supported by the process target")
    return _with_valid_keys(file, {key: value.encode() for key, value in document.get("data", {}).items()})


def _with_valid_keys(file: Path, content: dict[str, bytes]) -> dict[str, bytes]:
    # A key becomes the name of a file, so "../x" must be refused here, too.
    for key in content:
        if not _CONFIG_MAP_KEY.fullmatch(key) or key in (".", ".."):
            raise UserError(
                reasons.INVALID_MANIFEST, f"{file}: {key!r} is not a ConfigMap key: use letters, digits, '-', '_', '.'"
            )
    return content


def _name(file: Path, document: Mapping[str, Any]) -> str:
    try:
        return str(document["metadata"]["name"])
    except (KeyError, TypeError):
        raise UserError(reasons.INVALID_MANIFEST, f"{file}: metadata.name: missing") from None


def _documents(file: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [(file, document) for document in _load(file)]


def _load(file: Path) -> list[dict[str, Any]]:
    try:
        loaded = yaml.load_all(decoded(read_file(file, _MOST_BYTES, piped=True) or b""), _Loader)
        documents = [document for document in loaded if document is not None]
    except RecursionError:
        raise UserError(reasons.INVALID_MANIFEST, f"{file}: nested too deeply") from None
    except UnreadableError as error:
        raise UserError(reasons.INVALID_MANIFEST, f"{file}: cannot be read: {error}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(reasons.INVALID_MANIFEST, f"{file}: not YAML: {error}") from None
    for document in documents:
        if not isinstance(document, dict):
            raise UserError(reasons.INVALID_MANIFEST, f"{file}: a mapping is expected")
    return documents or [{}]


class _Loader(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, as kubectl does, so that the first value is not silently lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            keys.add(str(key.value))
        return super().construct_mapping(node, deep)
