"""A deployment as a folder for `kubectl apply -k` and `lmd apply -k`."""

from collections.abc import Mapping
from typing import Any

import yaml

from localmodel.disk.executable import Executable
from localmodel.resource import annotations, schema
from localmodel_untrusted.files import UnreadableError, decoded

# Of all that a ConfigMap may hold, with room for its own fields.
_MOST_BYTES = 900_000
_MADE = {"deployment.yaml", "kustomization.yaml", "kustomizeconfig.yaml"}
_REFERENCES = (
    "spec/scoring/source/configMap/name",
    "spec/update/gate/configMap/name",
    "spec/env/valueFrom/configMapKeyRef/name",
)


def contents(manifest: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, bytes]]) -> dict[str, bytes]:
    """The folder's files by name: the manifest, a kustomization with the ConfigMaps, and their files."""
    kustomization: dict[str, object] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["deployment.yaml"],
    }
    files = {"deployment.yaml": _yaml(manifest)}
    own = {name: content for config_map in config_maps.values() for name, content in config_map.items()}
    if config_maps:
        generators = [{"name": name, "files": sorted(content)} for name, content in config_maps.items()]
        kustomization["configMapGenerator"] = generators
        kustomization["configurations"] = ["kustomizeconfig.yaml"]
        files["kustomizeconfig.yaml"] = _yaml(_name_references())
    return {**files, "kustomization.yaml": _yaml(kustomization), **own}


def with_files(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest with its code in a ConfigMap, and that one's files; with code of the store where none can hold it.

    A ConfigMap has texts without folders and without file modes.
    """
    spec = manifest["spec"]
    if not files or not all(_fits(name, content) for name, content in files.items()):
        return dict(manifest), {}
    if sum(map(len, files.values())) > _MOST_BYTES:
        return dict(manifest), {}
    source = {"configMap": {"name": f"{manifest['metadata']['name']}-code"}}
    return {**manifest, "spec": {**spec, "scoring": {**spec["scoring"], "source": source}}}, dict(files)


def plain(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without defaults, and without where its parts were read from on this machine."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "annotations"}
    own = (annotations.SOURCE, annotations.MODEL_SOURCES, annotations.ENVIRONMENT_SOURCE)
    kept = {key: text for key, text in (manifest["metadata"].get("annotations") or {}).items() if key not in own}
    spec = _without_defaults(manifest["spec"], schema.resource_schema()["properties"]["spec"])
    return {**manifest, "metadata": {**metadata, **({"annotations": kept} if kept else {})}, "spec": spec}


def _fits(name: str, content: bytes) -> bool:
    if "/" in name or name in _MADE or isinstance(content, Executable):
        return False
    try:
        decoded(content)
    except UnreadableError:
        return False
    return True


def _without_defaults(value: Any, known: Mapping[str, Any]) -> Any:
    if not isinstance(value, Mapping):
        return value
    kept = {}
    for name, child in value.items():
        field = known.get("properties", {}).get(name, {})
        rest = _without_defaults(child, field)
        required = name in known.get("required", ())
        if required or ("default" not in field or (child != field["default"] and rest != field["default"])):
            kept[name] = rest
    return kept


def _name_references() -> dict[str, object]:
    """The configuration that tells kustomize where a manifest names ConfigMaps, to which it appends digests."""
    kind = {"group": schema.API_VERSION.partition("/")[0], "kind": schema.KIND}
    fields = [{**kind, "path": path} for path in _REFERENCES]
    return {"nameReference": [{"kind": "ConfigMap", "version": "v1", "fieldSpecs": fields}]}


def _yaml(value: object) -> bytes:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120).encode()
