"""Writes the part of KServe's CRD that lmd export kserve is tested against: hack/kserve_schema.py CRD >SCHEMA.

CRD is config/crd/full/serving.kserve.io_inferenceservices.yaml of KServe (Apache-2.0). Kept are the fields of
v1beta1 for a container of one's own; the predictors of KServe's model servers are left out.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

_POD = {
    *("automountServiceAccountToken", "enableServiceLinks", "terminationGracePeriodSeconds", "securityContext"),
    *("containers", "volumes", "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints"),
    *("priorityClassName", "imagePullSecrets", "serviceAccount", "serviceAccountName"),
}
_PREDICTOR = {"minReplicas", "maxReplicas", "timeout", "labels", "annotations", *_POD}
_VOLUME = {"name", "emptyDir", "persistentVolumeClaim", "configMap", "secret"}


def main(path: str) -> None:
    definition = yaml.load(Path(path).read_text(), Loader=yaml.CSafeLoader)
    version = next(version for version in definition["spec"]["versions"] if version["name"] == "v1beta1")
    schema = version["schema"]["openAPIV3Schema"]
    predictor = schema["properties"]["spec"]["properties"]["predictor"]
    keep(predictor, _PREDICTOR)
    keep(predictor["properties"]["volumes"]["items"], _VOLUME)
    keep(schema["properties"]["spec"], {"predictor"})
    keep(schema, {"apiVersion", "kind", "metadata", "spec"})
    print(json.dumps(strict(schema), separators=(",", ":"), sort_keys=True))


def keep(schema: dict[str, Any], names: set[str]) -> None:
    """Leave the fields with these names only."""
    schema["properties"] = {name: field for name, field in schema["properties"].items() if name in names}


def strict(schema: Any) -> Any:
    """The schema that refuses a field which it does not name; an API server would drop it."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(value) for name, value in schema.items()}
    return {**closed, "additionalProperties": False} if "properties" in schema and "type" in schema else closed


if __name__ == "__main__":
    main(sys.argv[1])
