"""Which delivery: the operator's registry, the cluster's (KEP-1755), or kind's nodes; and what makes it look again."""

from typing import Any

import pytest

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel_operator.images import delivery_choice
from localmodel_operator.images.delivery_news import NodeNews, pull_trouble
from localmodel_operator.images.delta_import import DeltaImport
from localmodel_operator.images.push import Push, Registry

KIND_NODE = {"metadata": {"name": "kind-worker"}, "spec": {"providerID": "kind://docker/two/kind-worker"}}
PLAIN = Registry("registry:5000", "registry:5000", "team", plain=True)
OTHER_NODE = {"metadata": {"name": "gke-1"}, "spec": {"providerID": "gce://project/zone/gke-1"}}


def hosting(text: str) -> dict[str, Any]:
    return {"data": {"localRegistryHosting.v1": text}}


class Api:
    """A cluster with one node, and perhaps a word on its registry."""

    def __init__(self, node: dict[str, Any], config_map: dict[str, Any] | None = None) -> None:
        self.node, self.config_map = node, config_map

    async def get(self, kind: Any, namespace: str, name: str) -> dict[str, Any] | None:
        assert (kind.name, namespace, name) == ("ConfigMap", "kube-public", "local-registry-hosting")
        return self.config_map


async def made(api: Api, told: str | None, layout: Layout) -> Any:
    registry = await delivery_choice.registry(api, told)  # type: ignore[arg-type]
    return delivery_choice.make(api.node, None, layout, registry)  # type: ignore[arg-type]


@pytest.fixture
def layout(tmp_path: Any) -> Layout:
    return Layout(tmp_path)


async def test_kind_is_sent_to_directly(layout: Layout) -> None:
    delivery = await made(Api(KIND_NODE), None, layout)
    assert isinstance(delivery, DeltaImport)
    assert (delivery.pull_policy, delivery.repository("8f5c")) == ("Never", "localmodel.dev/deployment/8f5c")


class Engine:
    """An engine with these nodes of any cluster, or none (None)."""

    def __init__(self, nodes: list[str] | None) -> None:
        self._nodes = nodes

    async def call(self, *_: object) -> list[str]:
        if self._nodes is None:
            raise UserError(reasons.ENGINE_UNREACHABLE, "no Docker engine answers")
        return self._nodes


@pytest.mark.parametrize(
    ("node", "nodes", "registry", "name"),
    [
        (KIND_NODE, ["kind-worker"], PLAIN, "two"),
        (KIND_NODE, [], PLAIN, None),
        (KIND_NODE, None, PLAIN, None),
        (KIND_NODE, None, None, "two"),
        (OTHER_NODE, ["kind-worker"], PLAIN, None),
    ],
)
async def test_kind_with_a_registry_and_without_its_engine_is_any_cluster(
    node: dict[str, Any], nodes: list[str] | None, registry: Registry | None, name: str | None
) -> None:
    assert await delivery_choice.kind_of_engine(node, Engine(nodes), registry) == name  # type: ignore[arg-type]


async def test_a_registry_beside_kind_is_used(layout: Layout) -> None:
    delivery = await made(Api(KIND_NODE, hosting("host: localhost:5001")), None, layout)
    assert isinstance(delivery, Push)
    assert (delivery.pull_policy, delivery.repository("8f5c")) == (
        "IfNotPresent",
        "localhost:5001/localmodel/deployments",
    )


async def test_what_the_operator_is_told_comes_first(layout: Layout) -> None:
    delivery = await made(Api(KIND_NODE, hosting("host: localhost:5001")), "registry.example.com/team/ml", layout)
    assert delivery.repository("8f5c") == "registry.example.com/team/ml/deployments"


async def test_another_cluster_without_a_registry_is_told_what_to_do(layout: Layout) -> None:
    with pytest.raises(UserError, match=r"gke-1 is not a kind node.*--registry HOST\[/PREFIX\].*KEP-1755") as caught:
        await made(Api(OTHER_NODE), None, layout)
    assert caught.value.reason == "ClusterUnusable"


async def test_a_cluster_that_is_known_is_told_how_it_comes_by_a_registry(layout: Layout) -> None:
    node = {"metadata": {"name": "k3d-team-server-0"}, "spec": {"providerID": "k3s://k3d-team-server-0"}}
    with pytest.raises(UserError, match="k3d: k3d cluster create NAME --registry-create"):
        await made(Api(node), None, layout)


async def test_nodes_that_the_engine_does_not_show_are_told(layout: Layout) -> None:
    delivery = delivery_choice.make(KIND_NODE, Engine([]), layout, None)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"no running node of kind cluster two.*Show system containers"):
        await delivery.lacking("localmodel.dev/deployment/8f5c:1")


async def test_an_operator_in_a_pod_needs_a_registry(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_choice, "running_in_pod", lambda: True)
    assert isinstance(await made(Api(KIND_NODE), "registry.example.com", layout), Push)
    with pytest.raises(UserError, match=r"operator in a pod.*--registry HOST\[/PREFIX\].*hostFromClusterNetwork"):
        await made(Api(KIND_NODE, hosting("host: localhost:5001")), None, layout)


async def test_another_cluster_with_a_registry_is_served(layout: Layout) -> None:
    assert isinstance(await made(Api(OTHER_NODE), "http://registry.lan:5000", layout), Push)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("registry.example.com", Registry("registry.example.com", "registry.example.com", "localmodel")),
        ("registry.example.com/a/b/", Registry("registry.example.com", "registry.example.com", "a/b")),
        ("https://r.example/x", Registry("r.example", "r.example", "x")),
        ("http://r.lan:5000/x", Registry("r.lan:5000", "r.lan:5000", "x", plain=True)),
        ("localhost", Registry("localhost", "localhost", "localmodel")),
    ],
)
def test_a_registry_is_written_as_in_the_name_of_an_image(text: str, registry: Registry) -> None:
    assert delivery_choice.given(text) == registry


@pytest.mark.parametrize(
    "text", ["", "team", "team/ml", "r.example/UPPER", "r.example//x", "r.example/x:tag", "ftp://r.x"]
)
def test_what_is_no_registry_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"write HOST\[/PREFIX\]"):
        delivery_choice.given(text)


FULL = """
host: "localhost:5001"
hostFromContainerRuntime: "kind-registry:5000"
hostFromClusterNetwork: "registry.kube-system:5000"
help: "https://example.com/help"
"""


@pytest.mark.parametrize(
    ("in_pod", "push"), [(False, "localhost:5001"), (True, "registry.kube-system:5000")], ids=["beside", "in a pod"]
)
def test_the_registry_is_called_as_whoever_calls_it_sees_it(in_pod: bool, push: str) -> None:
    found = delivery_choice.hosted(hosting(FULL), in_pod=in_pod)
    assert found == Registry(push, "kind-registry:5000", "localmodel", plain=True, help="https://example.com/help")


def test_a_registry_out_of_reach_is_none() -> None:
    assert delivery_choice.hosted(hosting("host: localhost:5001"), in_pod=True) is None
    assert delivery_choice.hosted(hosting("help: https://example.com"), in_pod=False) is None
    assert delivery_choice.hosted({"data": {}}, in_pod=False) is None
    assert delivery_choice.hosted(None, in_pod=False) is None


@pytest.mark.parametrize("text", ["- a list", "host: [", "words"])
def test_an_unreadable_word_on_the_registry_is_told(text: str) -> None:
    with pytest.raises(UserError, match="kube-public/local-registry-hosting"):
        delivery_choice.hosted(hosting(text), in_pod=False)


def node(uid: str = "1", ready: str = "True", boot: str = "b") -> dict[str, Any]:
    status = {"conditions": [{"type": "Ready", "status": ready}], "nodeInfo": {"bootID": boot}}
    return {"metadata": {"name": "worker", "uid": uid}, "status": status}


def test_heartbeats_are_no_news() -> None:
    news = NodeNews()
    assert [news.is_news(kind, node()) for kind in (None, "MODIFIED", "MODIFIED", None)] == [True, False, False, False]


def test_nodes_that_a_start_has_listed_are_no_news() -> None:
    news = NodeNews([node()])
    assert not news.is_news(None, node())
    assert news.is_news(None, node(ready="Unknown"))


@pytest.mark.parametrize(
    "after", [node(uid="2"), node(ready="Unknown"), node(boot="c")], ids=["made anew", "not ready", "started anew"]
)
def test_a_node_that_changed_is_news(after: dict[str, Any]) -> None:
    news = NodeNews()
    news.is_news(None, node())
    assert news.is_news("MODIFIED", after)


def test_a_node_that_comes_back_under_its_name_is_news() -> None:
    news = NodeNews()
    news.is_news(None, node())
    assert not news.is_news("DELETED", node())
    assert news.is_news("ADDED", node())


def pod(reason: str, **metadata: Any) -> dict[str, Any]:
    waiting = {"state": {"waiting": {"reason": reason}}}
    return {"metadata": metadata, "status": {"containerStatuses": [waiting]}}


def test_pods_without_their_image_are_trouble() -> None:
    assert pull_trouble([{"metadata": {}}, pod("ErrImageNeverPull")])
    assert pull_trouble([pod("ImagePullBackOff")])
    assert not pull_trouble([pod("CrashLoopBackOff"), pod("ErrImagePull", deletionTimestamp="now")])
