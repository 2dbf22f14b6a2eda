from dataclasses import replace
from typing import Any

import yaml

from localmodel.cluster_records import names
from localmodel.resource.server_settings import ServerSettings
from localmodel.resource.spec import Autoscaling, DeploymentSpec, GateSpec, KeyRef, Route, Source, Variable
from localmodel.ways_out import kubernetes
from localmodel.ways_out.packed import Packed

IMAGE = "registry.example.com/team/churn@sha256:" + "a" * 64
SPEC = DeploymentSpec("score.py", Source(inline={}))
CHURN = Packed("churn", SPEC, (), (), IMAGE)


def written(packed: Packed = CHURN) -> dict[str, Any]:
    return {str(made["kind"]): made for made in map(yaml.safe_load, kubernetes.write(packed).files.values())}


def template(packed: Packed = CHURN) -> Any:
    return written(packed)["Deployment"]["spec"]["template"]


def container(packed: Packed = CHURN) -> Any:
    (only,) = template(packed)["spec"]["containers"]
    return only


def environment(packed: Packed) -> dict[str, Any]:
    listed = container(packed)["env"]
    assert len({variable["name"] for variable in listed}) == len(listed), "a name stands twice"
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in listed}


def with_spec(**changes: Any) -> Packed:
    return replace(CHURN, spec=replace(SPEC, **changes))


def test_every_object_that_chooses_pods_chooses_those_of_the_deployment() -> None:
    objects, labels = written(), template()["metadata"]["labels"]
    assert set(objects) == {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    selectors = [
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)


def test_ports_that_are_named_are_those_of_the_container() -> None:
    objects = written()
    assert [port["name"] for port in container()["ports"]] == ["http"]
    assert objects["Service"]["spec"]["ports"][0]["targetPort"] == "http"
    assert objects["NetworkPolicy"]["spec"]["ingress"] == [{"ports": [{"port": "http", "protocol": "TCP"}]}]


def test_nothing_in_it_is_for_an_operator() -> None:
    made = b"".join(kubernetes.write(CHURN).files.values()).decode()
    for word in ("ADMIN", "EPOCH", "WANTED", "OWNER", "ownerReferences", names.GROUP, "configMap"):
        assert word not in made, word
    assert names.MANAGED_BY.items().isdisjoint(template()["metadata"]["labels"].items())


def test_the_image_is_named_by_its_digest() -> None:
    assert container()["image"] == IMAGE
    assert container()["imagePullPolicy"] == "IfNotPresent"


def test_pods_pass_the_restricted_pod_security_standard() -> None:
    spec = template()["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert spec["automountServiceAccountToken"] is False


def test_the_spec_says_how_many_pods_and_with_what() -> None:
    packed = with_spec(
        replicas=3,
        resources={"limits": {"memory": "1Gi"}},
        server=ServerSettings(workers=2, scoring_timeout_seconds=600),
        strategy="Recreate",
        pod={
            "nodeSelector": {"disk": "ssd"},
            "labels": {"team": "risk", "app.kubernetes.io/name": "else"},
            "annotations": {"note": "x"},
            "volumes": [{"mountPath": "/data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    )
    deployment = written(packed)["Deployment"]
    assert deployment["spec"]["replicas"] == 3
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert template(packed)["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert template(packed)["spec"]["terminationGracePeriodSeconds"] > 600
    assert template(packed)["metadata"]["labels"] == {"team": "risk", "app.kubernetes.io/name": "churn"}
    assert template(packed)["metadata"]["annotations"] == {"note": "x"}
    assert container(packed)["resources"] == {"limits": {"memory": "1Gi"}}
    assert container(packed)["volumeMounts"][-1] == {"name": "claim-0", "mountPath": "/data", "readOnly": True}
    assert environment(packed)["WORKER_COUNT"] == "2"


def test_variables_are_values_or_stay_references_that_are_told() -> None:
    key = KeyRef("Secret", "keys", "token")
    packed = replace(CHURN, variables=(Variable("PRICE", "5 $"), Variable("TOKEN", value_from=key)))
    assert environment(packed)["PRICE"] == "5 $"
    assert environment(packed)["TOKEN"] == {"secretKeyRef": {"name": "keys", "key": "token"}}
    (note,) = kubernetes.write(packed).notes
    assert "TOKEN" in note
    assert "Secret keys" in note


def test_a_variable_of_the_user_takes_the_place_of_the_servers() -> None:
    packed = replace(CHURN, variables=(Variable("LOCALMODEL_DRAIN_SECONDS", "9"),))
    assert environment(packed)["LOCALMODEL_DRAIN_SECONDS"] == "9"


def test_what_the_files_cannot_say_is_noted() -> None:
    notes = kubernetes.write(with_spec(gate=GateSpec(config_map="gate"), suspend=True)).notes
    assert [note.partition(":")[0] for note in notes] == ["spec.update.gate", "spec.suspend"]
    assert kubernetes.write(CHURN).notes == ()


def test_an_autoscaler_says_how_many_pods_there_are_and_nothing_else_does() -> None:
    objects = written(with_spec(autoscaling=Autoscaling(2, 5, cpu=70)))
    scaler = objects["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == objects["Deployment"]["metadata"]["name"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    assert "replicas" not in objects["Deployment"]["spec"]


def test_what_leads_there_is_noted_because_it_is_not_written() -> None:
    notes = kubernetes.write(with_spec(expose="Ingress", route=Route("ml.example", "/churn"))).notes
    assert any(note.startswith("spec.service.expose: ") for note in notes)
