"""Writes the part of KEDA's CRD that the documented ScaledObject is tested against: hack/keda_schema.py CRD >SCHEMA.

CRD is config/crd/bases/keda.sh_scaledobjects.yaml of KEDA (Apache-2.0). Behaviour, fallback and
status are left out.
"""

import json
import sys
from pathlib import Path

import yaml
from kserve_schema import keep, strict

_TIMES = {"pollingInterval", "cooldownPeriod", "initialCooldownPeriod"}
_SPEC = {"scaleTargetRef", "triggers", "minReplicaCount", "maxReplicaCount", "idleReplicaCount", *_TIMES}


def main(path: str) -> None:
    definition = yaml.load(Path(path).read_text(), Loader=yaml.CSafeLoader)
    version = next(version for version in definition["spec"]["versions"] if version["name"] == "v1alpha1")
    schema = version["schema"]["openAPIV3Schema"]
    keep(schema["properties"]["spec"], _SPEC)
    keep(schema, {"apiVersion", "kind", "metadata", "spec"})
    print(json.dumps(strict(schema), separators=(",", ":"), sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1])
