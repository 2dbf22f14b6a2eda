"""What is written is held against KServe's own schema (Apache-2.0), of which hack/kserve_schema.py keeps a part."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from localmodel.resource.server_settings import ServerSettings
from localmodel.resource.spec import Autoscaling, DeploymentSpec, KeyRef, Source, Variable
from localmodel.ways_out import kserve
from localmodel.ways_out.packed import Packed

SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "kserve-inference-service.json").read_text())
SPEC = DeploymentSpec("score.py", Source(inline={}))
CHURN = Packed("churn", SPEC, (), (), "registry.example.com/team/churn@sha256:" + "a" * 64)
FULL = replace(
    CHURN,
    variables=(Variable("PRICE", "5"), Variable("TOKEN", value_from=KeyRef("Secret", "keys", "token", optional=True))),
    spec=replace(
        SPEC,
        replicas=2,
        resources={"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "250m"}},
        server=ServerSettings(scoring_timeout_seconds=90),
        pod={
            "labels": {"team": "risk"},
            "annotations": {"note": "x"},
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "imagePullSecrets": [{"name": "pull"}],
            "serviceAccountName": "runner",
            "volumes": [{"mountPath": "/data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    ),
)


def written(packed: Packed = CHURN) -> Any:
    return yaml.safe_load(kserve.write(packed).files["inferenceservice.yaml"])


def predictor(packed: Packed = CHURN) -> Any:
    return written(packed)["spec"]["predictor"]


@pytest.mark.parametrize("packed", [CHURN, FULL], ids=["plain", "full"])
def test_kserves_schema_accepts_it(packed: Packed) -> None:
    jsonschema.validate(written(packed), SCHEMA)


def test_the_schema_would_refuse_a_field_that_kserve_does_not_have() -> None:
    document = written()
    document["spec"]["predictor"]["containers"][0]["restart"] = "always"
    with pytest.raises(jsonschema.ValidationError, match="restart"):
        jsonschema.validate(document, SCHEMA)


def test_the_container_is_the_one_that_kserve_sends_requests_to() -> None:
    (container,) = predictor()["containers"]
    assert container["name"] == "kserve-container"
    assert container["image"] == CHURN.image
    assert container["ports"] == [{"containerPort": 5001, "protocol": "TCP"}]
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == 5001


def test_the_server_calls_the_model_by_the_services_name_and_takes_any_host() -> None:
    (container,) = predictor()["containers"]
    variables = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert variables["LOCALMODEL_MODEL_NAME"] == written()["metadata"]["name"] == "churn"
    assert variables["LOCALMODEL_ALLOWED_HOSTS"] == "*"


def test_replicas_and_the_time_of_a_request_are_those_of_the_spec() -> None:
    made = predictor(FULL)
    assert (made["minReplicas"], made["maxReplicas"], made["timeout"]) == (2, 2, 90)
    assert (made["labels"], made["annotations"]) == ({"team": "risk"}, {"note": "x"})


def test_no_replicas_are_not_taken_for_starting_at_a_request() -> None:
    none = replace(CHURN, spec=replace(SPEC, replicas=0))
    assert predictor(none)["minReplicas"] == 1
    assert any(note.startswith("spec.replicas") for note in kserve.write(none).notes)


def test_how_many_pods_an_autoscaler_may_have_is_written_and_what_it_goes_by_is_noted() -> None:
    scaled = replace(CHURN, spec=replace(SPEC, autoscaling=Autoscaling(2, 5, inflight=4)))
    jsonschema.validate(written(scaled), SCHEMA)
    assert (predictor(scaled)["minReplicas"], predictor(scaled)["maxReplicas"]) == (2, 5)
    assert any(note.startswith("spec.autoscaling: ") for note in kserve.write(scaled).notes)
