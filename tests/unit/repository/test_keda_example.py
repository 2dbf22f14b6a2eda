"""The documented ScaledObject and KEDA's own schema (Apache-2.0), of which hack/keda_schema.py keeps a part."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from localmodel.cluster_records import names

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "tests" / "data" / "keda-scaled-object.json").read_text())


@pytest.fixture(name="documented")
def given_documented() -> Any:
    page = (ROOT / "docs" / "how-to" / "autoscaling.md").read_text()
    (block,) = (block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "ScaledObject" in block)
    return yaml.safe_load(block)


def test_kedas_schema_accepts_it(documented: Any) -> None:
    assert documented["apiVersion"] == "keda.sh/v1alpha1"
    jsonschema.validate(documented, SCHEMA)


def test_it_scales_our_kind(documented: Any) -> None:
    target = documented["spec"]["scaleTargetRef"]
    assert (target["apiVersion"], target["kind"]) == (f"{names.GROUP}/v1alpha1", "LocalModelDeployment")


@pytest.mark.parametrize(
    ("field", "value"), [("replicas", 3), ("minReplicaCount", "1"), ("triggers", [{"type": "prometheus"}])]
)
def test_the_schema_would_refuse_what_keda_does_not_have(documented: Any, field: str, value: Any) -> None:
    documented["spec"][field] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(documented, SCHEMA)
