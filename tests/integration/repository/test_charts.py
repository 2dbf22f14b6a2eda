"""The charts as Helm reads them: what they put into a cluster, what they refuse, and that there is one source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.charts import CRDS, OPERATOR, ROOT, SYSTEM, VALUES, helm, template
from support.operator.overlay_rights import OVERLAY

import localmodel

Object = dict[str, Any]


def rendered(chart: Path, *options: str | Path) -> list[Object]:
    return [each for each in yaml.safe_load_all(template(chart, *options)) if each]


def operator(values: Object, tmp_path: Path) -> dict[tuple[str, str], Object]:
    """What the chart makes of the values, by kind and namespace: there is one of each."""
    file = tmp_path / "values.json"
    file.write_text(json.dumps(values))
    objects = rendered(OPERATOR, "--values", file)
    found = {(each["kind"], each["metadata"].get("namespace", "")): each for each in objects}
    assert len(found) == len(objects)
    return found


def pod_of(objects: dict[tuple[str, str], Object]) -> Object:
    spec: Object = objects["Deployment", SYSTEM]["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("chart", [OPERATOR, CRDS], ids=["operator", "crds"])
def test_helm_finds_no_fault_with_the_chart(chart: Path) -> None:
    ended = helm("lint", "--strict", chart)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("chart", [OPERATOR, CRDS], ids=["operator", "crds"])
def test_a_chart_has_the_version_of_the_release(chart: Path) -> None:
    described = yaml.safe_load((chart / "Chart.yaml").read_text())
    assert (described["version"], described["appVersion"]) == (localmodel.__version__, localmodel.__version__)


def test_the_chart_of_the_custom_resource_has_the_one_of_the_repository_and_leaves_it_behind() -> None:
    (crd,) = rendered(CRDS)
    assert crd == yaml.safe_load((ROOT / "crds" / "localmodeldeployments.yaml").read_text())
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_overlay_is_what_the_chart_makes_of_its_values() -> None:
    made = rendered(OPERATOR, "--values", OVERLAY / "values.yaml")
    kept = [each for each in yaml.safe_load_all((OVERLAY / "operator.yaml").read_text()) if each]
    assert kept == made, "run hack/overlay"


@pytest.mark.parametrize("name", VALUES)
def test_the_pod_is_a_restricted_one(name: str, tmp_path: Path) -> None:
    """What Kubernetes' restricted Pod Security Standard asks, and a root file system that is read only."""
    pod = pod_of(operator(VALUES[name], tmp_path))
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & pod.keys()
    security = pod["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 65532)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    sources = {key for volume in pod["volumes"] for key in volume if key != "name"}
    assert sources <= {"emptyDir", "persistentVolumeClaim", "secret", "configMap"}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {"/tmp", "/var/lib/localmodel"}


def rules_of(role: Object) -> dict[str, set[str]]:
    return {
        resource: set(rule["verbs"])
        for rule in role["rules"]
        for resource in (f"{group}/{plural}" for group in rule["apiGroups"] for plural in rule["resources"])
    }


def test_where_namespaces_are_named_the_rights_are_there(tmp_path: Path) -> None:
    objects = operator(VALUES["two namespaces"], tmp_path)
    assert {place for kind, place in objects if kind == "Role"} == {"team-a", "team-b", "kube-system"}
    assert rules_of(objects["ClusterRole", ""]) == {
        "/nodes": {"list", "watch"},
        "/namespaces": {"get"},
        "gateway.networking.k8s.io/gateways": {"get"},
    }
    assert "get" in rules_of(objects["Role", "team-a"])["/secrets"]
    assert pod_of(objects)["containers"][0]["args"][-2:] == ["--namespace=team-a", "--namespace=team-b"]


def test_without_names_all_namespaces_are_served(tmp_path: Path) -> None:
    objects = operator(VALUES["all namespaces"], tmp_path)
    served = rules_of(operator(VALUES["two namespaces"], tmp_path)["Role", "team-a"])
    assert {place for kind, place in objects if kind == "Role"} == {"kube-system"}
    everywhere = rules_of(objects["ClusterRole", ""])
    assert served.items() <= everywhere.items() and served["/namespaces"] == {"get"}
    assert everywhere.keys() - served.keys() == {
        "/nodes",
        "gateway.networking.k8s.io/gateways",
        "apiextensions.k8s.io/customresourcedefinitions",
    }


def test_without_a_registry_what_the_cluster_says_of_its_own_may_be_read(tmp_path: Path) -> None:
    objects = operator(VALUES["the cluster's registry"], tmp_path)
    assert rules_of(objects["Role", "kube-public"]) == {"/configmaps": {"get"}}
    assert not any(each.startswith("--registry") for each in pod_of(objects)["containers"][0]["args"])


def test_a_login_is_where_the_operator_reads_it(tmp_path: Path) -> None:
    pod = pod_of(operator(VALUES["with a login"], tmp_path))
    (container,) = pod["containers"]
    (volume,) = [each for each in pod["volumes"] if "secret" in each]
    assert volume["secret"]["secretName"] == "login"
    (item,) = volume["secret"]["items"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == volume["name"]]
    assert (item["key"], item["path"]) == (".dockerconfigjson", "config.json")
    assert {"name": "DOCKER_CONFIG", "value": mount["mountPath"]} in container["env"]
    assert "--registry=http://registry.lan:5000" in container["args"]


def test_authorities_are_where_the_operator_reads_them(tmp_path: Path) -> None:
    pod = pod_of(operator(VALUES["authorities of its own"], tmp_path))
    (container,) = pod["containers"]
    (volume,) = [each for each in pod["volumes"] if "configMap" in each]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == volume["name"]]
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        assert {"name": name, "value": f"{mount['mountPath']}/ca.crt"} in container["env"]


def test_pods_that_share_a_volume_of_one_node_run_on_one(tmp_path: Path) -> None:
    objects = operator(VALUES["all namespaces"], tmp_path)
    claim = objects["PersistentVolumeClaim", SYSTEM]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    (rule,) = pod_of(objects)["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    labels = objects["Deployment", SYSTEM]["spec"]["template"]["metadata"]["labels"]
    assert rule["labelSelector"]["matchLabels"] == labels
    for name in ("nothing kept", "a shared volume"):
        objects = operator(VALUES[name], tmp_path)
        assert "affinity" not in pod_of(objects)
        assert ("PersistentVolumeClaim", SYSTEM) not in objects


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"registry": {"address": "team/ml"}}, "/registry/address"),
        ({"registry": {"adress": "r.example"}}, "adress"),
        ({"namespaces": "default"}, "/namespaces"),
        ({"namespaces": ["Team A"]}, "/namespaces/0"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
        ({"store": {"accessMode": "ReadOnlyMany"}}, "/store/accessMode"),
        ({"replicas": "two"}, "/replicas"),
    ],
    ids=lambda value: str(value),
)
def test_a_wrong_value_is_refused_by_its_name(values: Object, where: str, tmp_path: Path) -> None:
    file = tmp_path / "values.json"
    file.write_text(json.dumps(values))
    ended = helm("template", "x", OPERATOR, "--values", file)
    assert ended.returncode != 0
    assert where in ended.stderr
