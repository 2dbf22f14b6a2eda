"""The charts in a cluster: a restricted pod without an engine, upgraded under load from charts of before."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from extra_node import inside
from kube import ROOT, Cluster, Namespace, eventually
from load import Load, ask
from operator_process import OperatorProcess
from registry_nodes import gateway, know_registry, push_python
from support import given, oci_registry
from support.cache_folder import CACHE
from support.charts import CRDS, OPERATOR, RELEASE, SYSTEM, VALUES, helm, template

# As packaged before spec.service.expose and spec.autoscaling, for which the operator has more rights since.
BEFORE = ROOT / "tests" / "data" / "charts"
POD = "--selector=app.kubernetes.io/name=localmodel-operator"
VOLUME = "/var/lib/localmodel-e2e-chart"  # on the node


@pytest.fixture(autouse=True)
def operator() -> None:
    """No operator beside the cluster, where the others have one: the Lease admits one."""


@pytest.fixture(scope="module")
def volume(cluster: Cluster) -> Iterator[str]:
    """The class of a volume on one node, as clusters with a storage provisioner make one."""
    node = cluster.nodes()[-1]
    inside(node, "sh", "-c", f"rm -rf {VOLUME} && mkdir {VOLUME} && chown 65532:65532 {VOLUME}")
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}
    made = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "localmodel-e2e-chart"},
        "spec": {
            "storageClassName": "localmodel-e2e-chart",
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": VOLUME},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
        },
    }
    cluster.kubectl("apply", "-f", "-", given=json.dumps(made))
    yield "localmodel-e2e-chart"
    cluster.kubectl("delete", "persistentvolume", "localmodel-e2e-chart")
    inside(node, "rm", "-rf", VOLUME)


@pytest.fixture(scope="module")
def system(cluster: Cluster, operator_of_all: OperatorProcess, volume: str) -> Iterator[Namespace]:
    """The operator's namespace, in a cluster that has no operator yet and a volume for one."""
    operator_of_all.stop()
    labels = {"localmodel-e2e": "test", "pod-security.kubernetes.io/enforce": "restricted"}
    for name in (SYSTEM, "team-a", "team-b"):
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        cluster.kubectl("apply", "-f", "-", given=json.dumps(made))
    try:
        yield Namespace(cluster, SYSTEM)
    finally:
        for release in (RELEASE, CRDS.name):
            helm("uninstall", release, "--namespace", SYSTEM, "--kube-context", cluster.context, "--wait")
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        cluster.kubectl("delete", "namespace", "team-a", "team-b", "--wait=false")
        cluster.kubectl("delete", "namespace", SYSTEM)
        operator_of_all.start()


def test_the_api_server_takes_what_the_charts_make(system: Namespace, tmp_path: Path) -> None:
    crds = system.cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", given=template(CRDS))
    assert "localmodeldeployments.localmodel.dev" in crds
    made = []
    for values in VALUES.values():
        file = tmp_path / "values.json"
        file.write_text(json.dumps(values))
        made.append(template(OPERATOR, "--values", file))
    taken = system.cluster.kubectl("apply", "--dry-run=server", "-f", "-", given="".join(made))
    assert taken.count(f"deployment.apps/{RELEASE} created (server dry run)") == len(VALUES)


@pytest.fixture
def registry(cluster: Cluster, tmp_path: Path) -> Iterator[str]:
    """A registry whose images the nodes pull."""
    with oci_registry.serving(tmp_path, address=gateway()) as host:
        for node in cluster.nodes():
            know_registry(node, host, host)
        yield host


@pytest.fixture
def image(registry: str) -> str:
    """The operator's image of this checkout."""
    command = [sys.executable, ROOT / "hack" / "operator_image.py", f"http://{registry}/localmodel/operator:test"]
    environ = {**os.environ, "LOCALMODEL_HOME": str(CACHE / "operator-image-home")}
    made = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def way_in(node_port: int) -> dict[str, Any]:
    """A Service of the user's own: the operator's leads to the deployment inside the cluster only."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "way-in"},
        "spec": {
            "type": "NodePort",
            "selector": {"localmodel.dev/deployment": "app"},
            "ports": [{"port": 80, "targetPort": "http", "nodePort": node_port}],
        },
    }


def answer_of(port: int) -> Any:
    """What is answered; None before the node knows that the way in leads to the pod."""
    with contextlib.suppress(httpx.TransportError):
        return ask(port)
    return None


def fields_of_spec(cluster: Cluster) -> set[str]:
    """The fields of a LocalModelDeployment's spec that the cluster knows."""
    crd = json.loads(cluster.kubectl("get", "crd", "localmodeldeployments.localmodel.dev", "-o", "json"))
    (version,) = crd["spec"]["versions"]
    return {*version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]}


def leader(system: Namespace) -> str:
    """The pod that has the Lease."""
    lease = ("get", "lease", "localmodel-operator", "-o", "jsonpath={.spec.holderIdentity}")
    return system.cluster.kubectl("--namespace", "kube-system", *lease)


def test_serves_from_a_restricted_pod_and_an_upgrade_is_not_noticed(
    system: Namespace, namespace: Namespace, port: int, registry: str, image: str, volume: str, tmp_path: Path
) -> None:
    cluster = system.cluster
    repository, _, digest = image.partition("@")
    values = {
        "registry": {"address": f"http://{registry}"},
        "namespaces": [namespace.name],
        "image": {"repository": repository, "digest": digest},
        "store": {"storageClassName": volume},
        "certificates": "authorities",
    }
    # Those of this machine, which may have one between it and its package index.
    authorities = Path(os.environ.get("SSL_CERT_FILE", ssl.get_default_verify_paths().cafile or ""))
    system.kubectl("create", "configmap", "authorities", f"--from-file=ca.crt={authorities}")

    def release(command: str, crds: Path, operator: Path, **more: Any) -> None:
        file = tmp_path / "values.json"
        file.write_text(json.dumps({**values, **more}))
        place = ("--namespace", SYSTEM, "--kube-context", cluster.context)
        # the cluster has had the custom resource without Helm
        ended = helm(command, CRDS.name, crds, *place, "--take-ownership")
        assert ended.returncode == 0, ended.stderr
        ended = helm(command, RELEASE, operator, *place, "--values", file, "--wait", "--timeout", "90s")
        assert ended.returncode == 0, f"{ended.stderr}\n{system.kubectl('logs', POD, '--prefix', '--tail=30')}"

    release("install", BEFORE / "localmodel-crds-0.2.0.tgz", BEFORE / "localmodel-operator-0.2.0.tgz")
    assert "autoscaling" not in fields_of_spec(cluster)
    base = push_python(registry, tmp_path / "saved")
    environment = {"baseImage": base, "requirements": ["joblib==1.6.0"]}

    def manifest(answer: str) -> given.Object:
        scoring = given.inline(f"import joblib\n\n\n{given.script(answer)}")
        return given.lmd("app", port, scoring, environment=environment)

    namespace.apply(manifest("one"), way_in(cluster.node_ports()[port]))
    url = namespace.wait_ready("app", 240)["status"]["url"]
    assert url == f"http://app.{namespace.name}.svc/score"
    eventually(lambda: answer_of(port) == "one", "the deployment answers", 30)
    (pod,) = namespace.pods("app")
    before = leader(system)
    names = {each["metadata"]["name"] for each in system.find("pods")}
    assert len(names) == 2 and before in names
    with Load(port, per_second=50) as load:
        release("upgrade", CRDS, OPERATOR, env=[{"name": "LOCALMODEL_KEEP_ENVIRONMENTS", "value": "60"}])
        assert "autoscaling" in fields_of_spec(cluster)
        after = eventually(lambda: (now := leader(system)) not in names and now, "an operator of the upgrade leads", 30)
        assert [each["metadata"]["uid"] for each in namespace.pods("app")] == [pod["metadata"]["uid"]]
        edited = time.monotonic()
        namespace.apply(manifest("two"))
        namespace.wait_ready("app")
        eventually(lambda: "two" in load.answers_since(edited), "the edit answers", 10)
        namespace.kubectl("wait", "--for=condition=Durable", "lmd/app", "--timeout=120s")
    # one of the first manifest, one of the edit, and none of the upgrade
    assert namespace.get("lmd", "app")["status"]["revisions"]["durable"] == 2
    assert len(namespace.find("replicasets")) == 2
    log = system.kubectl("logs", after)
    assert "Traceback" not in log and "orbidden" not in log, log
    namespace.kubectl("delete", "lmd", "app")
