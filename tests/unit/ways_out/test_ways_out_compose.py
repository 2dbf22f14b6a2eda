from dataclasses import replace
from typing import Any

import yaml

from localmodel.resource.spec import DeploymentSpec, KeyRef, Source, Variable
from localmodel.ways_out import compose
from localmodel.ways_out.packed import Packed

SPEC = DeploymentSpec("score.py", Source(inline={}))
CHURN = Packed("churn", SPEC, (), (), "localmodel.dev/export/churn:abc")


def service(packed: Packed = CHURN) -> Any:
    document = yaml.safe_load(compose.write(packed).files["compose.yaml"])
    assert list(document["services"]) == ["churn"]
    return document["services"]["churn"]


def with_spec(**changes: Any) -> Packed:
    return replace(CHURN, spec=replace(SPEC, **changes))


def test_the_service_answers_on_this_machine_only_at_the_deployments_port() -> None:
    assert service()["ports"] == ["127.0.0.1:6789:5001"]
    assert service(with_spec(local_port=8123))["ports"] == ["127.0.0.1:8123:5001"]
    assert service()["image"] == CHURN.image


def test_the_container_has_no_rights_that_a_server_does_not_need() -> None:
    made = service()
    assert (made["read_only"], made["cap_drop"]) == (True, ["ALL"])
    assert made["security_opt"] == ["no-new-privileges:true"]


def test_a_dollar_reaches_the_script_as_one() -> None:
    packed = replace(CHURN, variables=(Variable("PRICE", "5 $NET ${GROSS}"),))
    assert service(packed)["environment"]["PRICE"] == "5 $$NET $${GROSS}"


def test_a_value_of_the_cluster_is_asked_for() -> None:
    variables = (
        Variable("TOKEN", value_from=KeyRef("Secret", "keys", "token")),
        Variable("EXTRA", value_from=KeyRef("ConfigMap", "extra", "x", optional=True)),
    )
    written = compose.write(replace(CHURN, variables=variables))
    environment = yaml.safe_load(written.files["compose.yaml"])["services"]["churn"]["environment"]
    assert environment["TOKEN"].startswith("${TOKEN:?")
    assert environment["EXTRA"] == "${EXTRA:-}"
    assert [("TOKEN" in note, "EXTRA" in note) for note in written.notes] == [(True, False), (False, True)]


def test_processors_and_memory_are_limited_as_the_spec_says() -> None:
    resources = {"limits": {"cpu": "500m", "memory": "1Gi", "nvidia.com/gpu": 1}, "requests": {"cpu": 0.25}}
    written = compose.write(with_spec(resources=resources, replicas=2))
    made = yaml.safe_load(written.files["compose.yaml"])["services"]["churn"]["deploy"]["resources"]
    assert made == {"limits": {"cpus": "0.5", "memory": f"{1 << 30}b"}, "reservations": {"cpus": "0.25"}}
    assert [note.partition(":")[0] for note in written.notes] == ["spec.resources", "spec.replicas"]
    assert "deploy" not in service()


def test_the_container_has_time_to_finish_what_it_is_at() -> None:
    assert int(service()["stop_grace_period"].removesuffix("s")) > SPEC.server.scoring_timeout_seconds
