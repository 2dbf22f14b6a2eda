"""A registry beside the cluster, told of as KEP-1755 says: images are pushed to it, and the nodes pull them.

It is set up as kind's documentation has it: a name that the nodes resolve by containerd's certs.d, and the ConfigMap.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from kube import Cluster, Namespace, eventually
from load import Load, ask, ask_often
from operator_process import OperatorProcess
from registry_nodes import gateway, know_registry
from support import given, oci_registry

PULLED_AS = "localmodel-registry:5000"  # known to nobody but the nodes
REPOSITORY = "localmodel/deployments"

_HOSTING_GONE = (
    *("delete", "--namespace", "kube-public", "--ignore-not-found"),
    *("configmap", "local-registry-hosting"),
)


@dataclass(frozen=True)
class Registry:
    host: str

    def ask(self, path: str, method: str = "GET") -> int:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        url = f"http://{self.host}/v2/{REPOSITORY}/{path}"
        accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
        with opener.open(urllib.request.Request(url, headers=accept, method=method)) as answer:
            return int(answer.status)


@pytest.fixture(scope="module")
def registry(
    cluster: Cluster, operator_of_all: OperatorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    """The registry, and an operator that has found it."""
    with oci_registry.serving(tmp_path_factory.mktemp("registry"), address=gateway()) as host:
        for node in cluster.nodes():
            know_registry(node, PULLED_AS, host)
        hosting = f'host: "{host}"\nhostFromContainerRuntime: "{PULLED_AS}"\n'
        config_map = given.config_map("local-registry-hosting", {"localRegistryHosting.v1": hosting})
        cluster.kubectl("apply", "--namespace", "kube-public", "-f", "-", given=json.dumps(config_map))
        try:
            operator_of_all.stop()
            operator_of_all.start()
            yield Registry(host)
        finally:
            cluster.kubectl(*_HOSTING_GONE)
            operator_of_all.stop()
            operator_of_all.start()


@pytest.fixture(scope="module")
def app(registry: Registry, shared_namespace: Namespace, shared_port: int) -> int:
    """A deployment that was brought there by the registry; its port."""
    shared_namespace.apply(given.lmd("app", shared_port, given.inline(given.script("one"))))
    shared_namespace.wait_ready("app", 180)
    return shared_port


def image_of(namespace: Namespace) -> str:
    namespace.wait_ready("app")
    namespace.kubectl("wait", "--for=condition=Durable", "lmd/app", "--timeout=90s")
    image: str = namespace.get("lmd", "app")["status"]["image"]
    return image


def test_pods_pull_what_was_pushed(app: int, shared_namespace: Namespace, registry: Registry) -> None:
    image = image_of(shared_namespace)
    assert re.fullmatch(rf"{PULLED_AS}/{REPOSITORY}@sha256:[0-9a-f]{{64}}", image)
    assert registry.ask(f"manifests/{image.partition('@')[2]}") == 200
    (pod,) = shared_namespace.pods("app")
    container = pod["spec"]["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == (image, "IfNotPresent")
    pulled = [each["message"] for each in shared_namespace.find("events") if each["reason"] == "Pulled"]
    assert any(each.startswith(f'Successfully pulled image "{image}"') for each in pulled), pulled
    told = shared_namespace.condition("app", "ImageDelivered")
    assert (told["status"], told["message"]) == ("True", "the registry has the image")
    assert ask(app) == "one"


def test_edit_sends_its_own_size(
    app: int, shared_namespace: Namespace, registry: Registry, operator: OperatorProcess
) -> None:
    before, mark = image_of(shared_namespace), operator.mark()
    with Load(app):
        shared_namespace.apply(given.lmd("app", app, given.inline(given.script("two"))))
        assert image_of(shared_namespace) != before
        assert ask_often(app) == ["two"]
    (sent,) = re.findall(rf"{re.escape(registry.host)}: sending 2 of \d+ blobs, (\d+) bytes", operator.log_since(mark))
    assert int(sent) < 16384


def test_image_that_the_registry_lost_is_pushed_again(
    app: int, shared_namespace: Namespace, registry: Registry, cluster: Cluster
) -> None:
    image = image_of(shared_namespace)
    assert registry.ask(f"manifests/{image.partition('@')[2]}", "DELETE") == 202
    (pod,) = shared_namespace.pods("app")
    cluster.remove_images(pod["spec"]["nodeName"], {image})
    shared_namespace.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")

    def another_is_ready() -> bool:
        found = [each for each in shared_namespace.pods("app") if each["metadata"]["uid"] != pod["metadata"]["uid"]]
        conditions = [each for one in found for each in one["status"].get("conditions", [])]
        return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)

    eventually(another_is_ready, "a pod whose node has pulled the image again", 90)
    assert registry.ask(f"manifests/{image.partition('@')[2]}") == 200


def test_swept_from_nodes_and_left_in_the_registry(
    app: int, shared_namespace: Namespace, registry: Registry, cluster: Cluster
) -> None:
    images = []
    for answer in ("three", "four", "five"):
        fields = {"revisionHistoryLimit": 1, "update": {"strategy": "Roll"}}
        shared_namespace.apply(given.lmd("app", app, given.inline(given.script(answer)), **fields))
        images.append(image_of(shared_namespace))
    for node in cluster.nodes():
        eventually(lambda node=node: images[0] not in cluster.images(node), f"the first is gone from {node}", 60)  # type: ignore[misc]
    for image in images:
        assert registry.ask(f"manifests/{image.partition('@')[2]}") == 200


def test_without_the_registry_the_nodes_are_sent_the_image(
    app: int, shared_namespace: Namespace, cluster: Cluster, operator: OperatorProcess
) -> None:
    """The last of this file: the operator finds no registry any more."""
    answer = ask(app)
    cluster.kubectl(*_HOSTING_GONE)
    operator.stop()
    with Load(app):
        operator.start()

        def is_sent() -> bool:
            return image_of(shared_namespace).startswith("localmodel.dev/deployment/")

        eventually(is_sent, "the image has a name that no registry has", 90)
    assert ask(app) == answer
