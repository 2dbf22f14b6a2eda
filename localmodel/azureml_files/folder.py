"""Writes an imported deployment as a folder for `lmd apply -k` and `kubectl apply -k`."""

import yaml

from localmodel.azureml_files.gather import Imported
from localmodel.resource import schema


def contents(imported: Imported) -> dict[str, bytes]:
    """The folder's files, by name."""
    kustomization: dict[str, object] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["deployment.yaml"],
    }
    files = {"deployment.yaml": _yaml(imported.manifest)}
    if imported.files:
        kustomization["configMapGenerator"] = [{"name": imported.config_map, "files": sorted(imported.files)}]
        kustomization["configurations"] = ["kustomizeconfig.yaml"]
        files["kustomizeconfig.yaml"] = _yaml(_name_references())
    return {**files, "kustomization.yaml": _yaml(kustomization), **imported.files}


def _name_references() -> dict[str, object]:
    """The configuration that tells kustomize where a manifest names ConfigMaps, to which it appends digests."""
    kind = {"group": schema.API_VERSION.partition("/")[0], "kind": schema.KIND}
    paths = ["spec/scoring/source/configMap/name", "spec/env/valueFrom/configMapKeyRef/name"]
    fields = [{**kind, "path": path} for path in paths]
    return {"nameReference": [{"kind": "ConfigMap", "version": "v1", "fieldSpecs": fields}]}


def _yaml(value: object) -> bytes:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120).encode()
