import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import pytest

from localmodel.cluster_records import names, revisions
from localmodel.cluster_records.revisions import RevisionData
from localmodel.errors import UserError
from localmodel.oci.layout import Blob
from localmodel.resource import schema
from localmodel.resource.server_settings import ServerSettings
from localmodel.resource.spec import DeploymentSpec, KeyRef, Source, Variable
from localmodel.store import ModelVersion
from localmodel.updates.revision import Revision
from localmodel_operator import children
from localmodel_operator.children import Exposure, Start

OWNER = {
    "apiVersion": "localmodel.dev/v1alpha1",
    "kind": "LocalModelDeployment",
    "metadata": {
        "name": "digits",
        "namespace": "team",
        "uid": "8f5c",
        "labels": {"app.kubernetes.io/instance": "owned-by-argo"},
        "annotations": {"argocd.argoproj.io/tracking-id": "x"},
    },
}
IMAGE = names.repository("8f5c") + "@sha256:" + "a" * 64
SPEC = DeploymentSpec("score.py", Source(config_map="code"))
REVISION = Revision("b", "s", "l", "u", "t")


def start(number: int = 3, image: str = IMAGE, **changes: Any) -> Start:
    return replace(Start(number, image, "Never", 7, "sha256:c", "key", "public", "team/digits/8f5c"), **changes)


def deployment(number: int = 3, image: str = IMAGE, **changes: Any) -> Any:
    spec = replace(SPEC, **changes)
    return children.deployment(OWNER, spec, children.pod_template("digits", spec, spec.env, start(number, image)))


def pod(made: Any) -> Any:
    return made["spec"]["template"]["spec"]


def container(made: Any) -> Any:
    (only,) = pod(made)["containers"]
    return only


def variables(made: Any) -> dict[str, Any]:
    listed = container(made)["env"]
    assert len({variable["name"] for variable in listed}) == len(listed), "a name stands twice"
    return {variable["name"]: variable.get("value", variable.get("valueFrom")) for variable in listed}


DATA = RevisionData(REVISION, inputs="sha256:i", image=IMAGE, environment="e", template={}, cause="created")
ALL = [
    deployment(),
    children.service(OWNER, Exposure("NodePort", 30001)),
    children.controller_revision(OWNER, 3, DATA),
]


@pytest.mark.parametrize("child", ALL, ids=lambda child: child["kind"])
def test_every_child_is_owned_and_found_by_its_labels(child: Any) -> None:
    (owner,) = child["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["kind"], owner["controller"]) == ("8f5c", "LocalModelDeployment", True)
    assert child["metadata"]["namespace"] == "team"
    assert child["metadata"]["labels"] == {**names.MANAGED_BY, names.DEPLOYMENT_LABEL: "digits"}


@pytest.mark.parametrize("child", ALL, ids=lambda child: child["kind"])
def test_nothing_of_the_owners_labels_and_annotations_is_copied(child: Any) -> None:
    # Argo CD would take a child with its labels for its own, and prune it
    assert "argo" not in json.dumps(child)


@pytest.mark.parametrize("child", ALL, ids=lambda child: child["kind"])
def test_children_are_plain_json_without_empty_fields_of_others(child: Any) -> None:
    assert json.loads(json.dumps(child)) == child
    assert "null" not in json.dumps(child)
    assert "creationTimestamp" not in json.dumps(child)
    assert ":latest" not in json.dumps(child)


def test_pods_pass_the_restricted_pod_security_standard() -> None:
    spec = pod(deployment())
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] != 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert all(set(volume) - {"name"} <= {"emptyDir", "configMap", "secret"} for volume in spec["volumes"])
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    security = container(deployment())["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] is True


def test_pods_have_no_business_with_the_api_server() -> None:
    assert pod(deployment())["automountServiceAccountToken"] is False


def test_pods_have_time_to_finish_what_they_are_at() -> None:
    made = deployment(server=ServerSettings(scoring_timeout_seconds=600))
    assert pod(made)["terminationGracePeriodSeconds"] > 600


def test_pods_keep_requests_in_a_volume_of_their_own_only_if_the_spec_says_so() -> None:
    assert not {name for name in variables(deployment()) if "CAPTURE" in name}
    made = deployment(capture={"percent": 5, "redact": ["$.ssn"]})
    assert json.loads(variables(made)["LOCALMODEL_CAPTURE"]) == {"percent": 5, "redact": ["$.ssn"]}
    folder = PurePosixPath(variables(made)["LOCALMODEL_CAPTURE_FOLDER"])
    mounts = {mount["mountPath"]: mount["name"] for mount in container(made)["volumeMounts"]}
    (volume,) = (one for one in pod(made)["volumes"] if one["name"] == mounts[str(folder.parent)])
    assert volume["emptyDir"] == {}


def test_the_selector_finds_the_pods_and_no_edit_changes_it() -> None:
    edited = deployment(9, IMAGE + "b", replicas=3, env=(Variable("A", "1"),))
    for made in (deployment(), edited):
        assert made["spec"]["selector"] == {"matchLabels": {names.DEPLOYMENT_LABEL: "digits"}}
        labels = made["spec"]["template"]["metadata"]["labels"]
        assert labels.items() >= made["spec"]["selector"]["matchLabels"].items()
    assert labels[names.REVISION_LABEL] == "9"
    assert SERVICE["spec"]["selector"] == {names.DEPLOYMENT_LABEL: "digits"}


def test_the_old_pods_stay_until_the_new_ones_are_ready() -> None:
    for strategy in ("Auto", "Roll"):
        assert deployment(strategy=strategy)["spec"]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
        }


def test_up_to_three_pods_start_at_a_time() -> None:
    surges = [deployment(replicas=count)["spec"]["strategy"]["rollingUpdate"]["maxSurge"] for count in (0, 1, 2, 3, 50)]
    assert surges == [1, 1, 2, 3, 3]


def test_the_old_pods_end_first_where_that_is_asked_for() -> None:
    assert deployment(strategy="Recreate")["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 5},
        {"replicas": 0},
        {"progress_deadline_seconds": 60},
        {"revision_history_limit": 1},
        {"local_port": 6790},
        {"suspend": True},
    ],
    ids=str,
)
def test_what_is_not_in_the_pods_restarts_none(change: dict[str, Any]) -> None:
    assert deployment(**change)["spec"]["template"] == deployment()["spec"]["template"]


def test_resources_change_the_containers_resources_only() -> None:
    wanted = {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m"}}
    before, after = deployment(), deployment(resources=wanted)
    assert container(after).pop("resources") == wanted
    assert container(before).pop("resources") == {}
    assert after == before


POD: dict[str, Any] = {
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "gpu"}],
    "affinity": {"podAntiAffinity": {}},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    "priorityClassName": "high",
    "imagePullSecrets": [{"name": "registry"}],
}


def test_pods_are_placed_as_the_spec_says_whatever_revision_they_are_of() -> None:
    recorded = children.pod_template("digits", SPEC, (), start())
    made = children.deployment(OWNER, replace(SPEC, pod=POD), recorded)
    assert pod(made).items() >= POD.items()
    assert pod(made)["automountServiceAccountToken"] is False
    for untouched in ("containers", "securityContext", "volumes"):
        assert pod(made)[untouched] == pod(deployment())[untouched]


def test_claims_are_mounted_beside_the_operators_own_volumes_and_can_only_be_read() -> None:
    volumes = [
        {"mountPath": path, "persistentVolumeClaim": {"claimName": name}}
        for path, name in (("/data", "data"), ("/models", "big"))
    ]
    made, plain = deployment(pod={"volumes": volumes}), deployment()
    added = [each for each in pod(made)["volumes"] if each not in pod(plain)["volumes"]]
    assert [each["persistentVolumeClaim"] for each in added] == [
        {"claimName": "data", "readOnly": True},
        {"claimName": "big", "readOnly": True},
    ]
    mounts = [each for each in container(made)["volumeMounts"] if each not in container(plain)["volumeMounts"]]
    assert mounts == [
        {"name": volume["name"], "mountPath": path, "readOnly": True}
        for volume, path in zip(added, ("/data", "/models"), strict=True)
    ]
    assert len(container(made)["volumeMounts"]) == len(container(plain)["volumeMounts"]) + 2


def test_labels_and_annotations_are_added_and_the_operators_stay() -> None:
    own = {"team": "a", names.DEPLOYMENT_LABEL: "other", names.REVISION_LABEL: "99"}
    made = deployment(pod={"labels": own, "annotations": {"team": "a", names.POD_ANNOTATION: "other"}})
    metadata, plain = made["spec"]["template"]["metadata"], deployment()["spec"]["template"]["metadata"]
    assert metadata["labels"] == {"team": "a", **plain["labels"]}
    assert metadata["annotations"]["team"] == "a" and metadata["annotations"][names.POD_ANNOTATION] != "other"
    assert made["metadata"] == deployment()["metadata"]


def test_pods_that_run_as_somebody_have_the_token_that_the_account_gives_them() -> None:
    made = pod(deployment(pod={"serviceAccountName": "reader"}))
    assert made["serviceAccountName"] == made["serviceAccount"] == "reader"
    assert "automountServiceAccountToken" not in made


@pytest.mark.parametrize(("running", "wanted"), [({}, POD), (POD, {}), (POD, {**POD, "priorityClassName": "low"})])
def test_another_placement_makes_other_pods(running: dict[str, Any], wanted: dict[str, Any]) -> None:
    made = deployment(pod=running)
    pod(made)["schedulerName"] = "default-scheduler"  # as the API server fills in what nobody has said
    assert children.pods_differ(made, replace(SPEC, pod=running)) == ""
    assert children.pods_differ(made, replace(SPEC, pod=wanted)) == "spec.pod"
    assert deployment(pod=wanted)["spec"]["template"] != deployment(pod=running)["spec"]["template"]


def test_a_recorded_template_is_served_as_it_was_made() -> None:
    recorded = {"metadata": {"labels": {"made": "long ago"}}, "spec": {"containers": [{"name": "scoring", "args": []}]}}
    limits = {"limits": {"memory": "1Gi"}}
    made = children.deployment(OWNER, replace(SPEC, resources=limits), recorded)
    assert container(made).pop("resources") == limits
    assert made["spec"]["template"] == recorded


def test_the_image_is_by_digest_and_never_pulled() -> None:
    assert container(deployment())["image"] == IMAGE
    assert container(deployment())["imagePullPolicy"] == "Never"


def test_the_server_is_told_its_settings_and_its_revision() -> None:
    made = variables(deployment(server=ServerSettings(2, 30, 4096)))
    assert made["WORKER_COUNT"] == "2"
    assert made["SCORING_TIMEOUT_MS"] == "30000"
    assert made["LOCALMODEL_MAX_REQUEST_BYTES"] == "4096"
    assert made["LOCALMODEL_REVISION"] == "3"


def test_the_server_is_told_what_it_serves() -> None:
    weights = Blob("sha256:" + "e" * 64, 1)
    models = [
        ModelVersion(name, version, f"sha256:{name}", weights, "") for name, version in (("mnist", 1), ("scale", 3))
    ]
    made = variables(children.deployment(OWNER, SPEC, children.pod_template("digits", SPEC, (), start(), models)))
    assert made["LOCALMODEL_MODEL_NAME"] == "digits"
    assert made["LOCALMODEL_SERVICE_NAME"] == "digits"
    assert made["LOCALMODEL_SERVICE_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert made["LOCALMODEL_MODEL"] == "mnist:1@sha256:mnist,scale:3@sha256:scale"


def test_the_users_variables_are_there_and_win() -> None:
    made = variables(
        deployment(
            env=(
                Variable("HOME", "/elsewhere"),
                Variable("TOKEN", value_from=KeyRef("Secret", "keys", "token")),
                Variable("LEVEL", value_from=KeyRef("ConfigMap", "levels", "one")),
                Variable("HINT", value_from=KeyRef("Secret", "keys", "hint", optional=True)),
            )
        )
    )
    assert made["HINT"] == {"secretKeyRef": {"name": "keys", "key": "hint", "optional": True}}
    assert made["HOME"] == "/elsewhere"
    assert made["TOKEN"] == {"secretKeyRef": {"name": "keys", "key": "token"}}
    assert made["LEVEL"] == {"configMapKeyRef": {"name": "levels", "key": "one"}}


@pytest.mark.parametrize("name", sorted({*variables(deployment())} - {"HOME"}))
def test_but_no_manifest_can_set_what_the_deployment_sets(name: str) -> None:
    manifest = {
        "apiVersion": "localmodel.dev/v1alpha1",
        "kind": "LocalModelDeployment",
        "metadata": {"name": "digits"},
        "spec": {
            "scoring": {"entryScript": "score.py", "source": {"configMap": {"name": "code"}}},
            "env": [{"name": name, "value": "x"}],
        },
    }
    with pytest.raises(UserError, match=r"spec\.env\[0\]\.name"):
        schema.validate(manifest)


def test_a_revision_records_what_it_is_made_of() -> None:
    made = children.controller_revision(OWNER, 3, DATA)
    assert (made["metadata"]["name"], made["revision"]) == ("digits-r3", 3)
    assert made["data"]["digests"] == {"base": "b", "server": "s", "lock": "l", "bundle": "u", "settings": "t"}
    assert made["data"]["image"] == IMAGE
    assert revisions.read(json.loads(json.dumps(made))) == DATA, "what is written is what is read"


def test_the_service_answers_at_the_node_port() -> None:
    (port,) = children.service(OWNER, Exposure("NodePort", 30007))["spec"]["ports"]
    assert port["nodePort"] == 30007
    assert port["targetPort"] == "http"
    opened = {each["name"]: each["containerPort"] for each in container(deployment())["ports"]}
    assert opened == {"http": 5001, "admin": 5002}, "the admin port is open, and not part of the Service"


@pytest.mark.parametrize(
    ("asked", "written", "differ"),
    [
        ({}, {}, False),
        ({"limits": {}}, {}, False),
        ({"limits": {"cpu": "1000m", "memory": "1Gi"}}, {"limits": {"cpu": "1", "memory": "1024Mi"}}, False),
        ({"limits": {"memory": "2Gi"}}, {"limits": {"memory": "1Gi"}}, True),
        ({"limits": {"memory": "2Gi"}}, {}, True),
    ],
)
def test_resources_are_compared_as_amounts(asked: Any, written: Any, differ: bool) -> None:
    running = deployment(resources=written)
    assert children.pods_differ(running, replace(SPEC, resources=asked)) == ("spec.resources" if differ else "")


SERVICE = children.service(OWNER, Exposure("NodePort", 30001))


def by_the_api_server(**changes: Any) -> Any:
    """The Service as the API server has it, with what it fills in."""
    port = {**SERVICE["spec"]["ports"][0], "appProtocol": "x"}
    return {**SERVICE, "spec": {**SERVICE["spec"], "clusterIP": "10.96.0.7", "ports": [port], **changes}}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (by_the_api_server(), ""),
        (None, "deleted"),
        (by_the_api_server(selector={"a": "b"}), "selector"),
        (by_the_api_server(selector=None), "selector"),
        (by_the_api_server(type="LoadBalancer"), "type"),
        ({**SERVICE, "metadata": {"name": "digits"}}, "labels"),
        (by_the_api_server(ports=[]), "port"),
        (by_the_api_server(ports=[{**SERVICE["spec"]["ports"][0], "targetPort": 80}]), "port"),
        (by_the_api_server(ports=[*SERVICE["spec"]["ports"], {"name": "more", "port": 9090}]), ""),
    ],
)
def test_a_service_that_somebody_has_changed(found: Any, words: str) -> None:
    said = children.service_drift(found, SERVICE)
    assert words in said and bool(words) is bool(said)


def test_whose_a_child_is_whatever_its_labels_are() -> None:
    assert children.owner_name({**SERVICE, "metadata": {**SERVICE["metadata"], "labels": {}}}) == "digits"
    assert children.owner_name({"metadata": {}}) == ""
    foreign = {"kind": "ReplicaSet", "name": "digits", "controller": True}
    assert children.owner_name({"metadata": {"ownerReferences": [foreign]}}) == ""
