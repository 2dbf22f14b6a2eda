"""Whatever is killed, or missing, while an edit takes hold: it ends as it would have ended, and the service goes on."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from app import App
from kube import Cluster, Namespace, eventually
from load import Load, ask, ask_if_reachable
from operator_process import OperatorProcess
from support import given

SCRIPT = """
import json
import os
import socket
import time


def init():
    time.sleep(SECONDS)


def run(raw_data):
    if json.loads(raw_data) == "die":
        os.kill(os.getpid(), 9)
    return {"name": "NAME", "by": socket.gethostname()}
"""
names = map("edit {}".format, itertools.count())


def scripted(name: str, seconds: float = 0) -> given.Object:
    """init() takes so many seconds."""
    return {"scoring": given.inline(SCRIPT.replace("NAME", name).replace("SECONDS", str(seconds)))}


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int) -> App:
    manifest = given.lmd("app", shared_port, scripted(next(names))["scoring"], update={"progressDeadlineSeconds": 30})
    shared_namespace.apply(manifest)
    shared_namespace.wait_ready("app")
    return App(shared_namespace, manifest, shared_port)


def end_state(app: App, base: int) -> Any:
    """Everything that tells one end from another; revisions are counted from `base`."""
    found = app.wait_durable()
    decided = json.loads(app.namespace.get("configmaps", f"{app.name}-wanted")["data"]["wanted.json"])
    conditions = {each["type"]: (each["status"], each["reason"]) for each in found["status"]["conditions"]}
    kept = {each["revision"]: each for each in app.namespace.revisions(app.name)}
    (container,) = app.template()["spec"]["containers"]
    return {
        "conditions": conditions,
        "revisions": {name: number - base for name, number in found["status"]["revisions"].items()},
        "newest kept": max(kept) - base,
        "given up": [each for each in kept.values() if "localmodel.dev/failed" in each["metadata"]["annotations"]],
        "image": container["image"] == kept[max(kept)]["data"]["image"] == found["status"]["image"],
        "decided": (decided["revision"] - base, decided["committed"], decided["good"] - base, decided["before"] - base),
        "pods": [int(pod["metadata"]["labels"]["localmodel.dev/revision"]) - base for pod in app.pods().values()],
        "restarts": app.restarts(),
    }


def test_operator_killed_at_any_moment_of_an_edit(app: App, operator: OperatorProcess) -> None:
    """The process itself; what a kill at each single step leaves is in test_pass_interrupted.py."""
    app.edit(**scripted(next(names)))
    app.wait_durable()
    number = app.numbers()[-1]
    app.edit(**scripted(next(names)))
    expected = end_state(app, number + 1)
    for delay in (0.05, 0.2, 0.6):
        name, number = next(names), app.numbers()[-1]
        with Load(app.port) as load:
            app.edit(**scripted(name))
            time.sleep(delay)
            operator.kill()
            operator.start()
            app.namespace.wait_ready(app.name)
            ready = time.monotonic()
            assert end_state(app, number + 1) == expected, f"killed after {delay} s"
        assert {answer["name"] for answer in load.answers_since(ready, kept=True)} == {name}


def wait_prepares(operator: OperatorProcess, mark: int) -> None:
    operator.wait_for_log("sending a bundle", mark)


def test_operator_replaced_while_pods_prepare_and_edited_meanwhile(app: App, operator: OperatorProcess) -> None:
    app.wait_durable()
    left, wanted = next(names), next(names)
    with Load(app.port) as load:
        mark = operator.mark()
        app.edit(**scripted(left, seconds=2))
        wait_prepares(operator, mark)
        operator.kill()
        app.edit(**scripted(wanted))
        operator.start()
        app.namespace.wait_ready(app.name)
        ready = time.monotonic()
        app.wait_durable()
    assert {answer["name"] for answer in load.answers_since(ready, kept=True)} == {wanted}
    assert left not in [answer["name"] for answer in load.answers_since(0, kept=True)]


def test_edited_while_pods_prepare(app: App, operator: OperatorProcess) -> None:
    app.wait_durable()
    left, wanted = next(names), next(names)
    with Load(app.port) as load:
        mark = operator.mark()
        app.edit(**scripted(left, seconds=100))
        wait_prepares(operator, mark)
        started = time.monotonic()
        app.edit(**scripted(wanted))
        app.namespace.wait_ready(app.name)
        assert time.monotonic() - started < 60, "nobody waits for what is no longer wanted"
        app.wait_durable()
    assert left not in [answer["name"] for answer in load.answers_since(0, kept=True)]


def test_pod_killed_while_it_prepares(app: App, operator: OperatorProcess) -> None:
    app.edit(replicas=2)
    app.wait_durable()
    name, killed = next(names), min(app.pods())
    with Load(app.port, lossless=False) as load:  # what the pod was at work on goes with it
        mark = operator.mark()
        app.edit(**scripted(name, seconds=2))
        wait_prepares(operator, mark)
        app.namespace.kubectl("delete", "pod", killed, "--force", "--grace-period=0")
        app.namespace.wait_ready(app.name)
        ready = time.monotonic()
        app.wait_durable()
    assert {answer["name"] for answer in load.answers_since(ready)} == {name}
    app.edit(replicas=1)
    app.wait_durable()


def test_worker_killed_while_the_next_one_prepares(app: App, operator: OperatorProcess) -> None:
    app.wait_durable()
    name = next(names)
    with Load(app.port) as load:
        mark = operator.mark()
        app.edit(**scripted(name, seconds=2))
        wait_prepares(operator, mark)
        with pytest.raises(AssertionError, match="500"):
            ask(app.port, "die")
        app.namespace.wait_ready(app.name)
        ready = time.monotonic()
        assert app.restarts() == 0
        app.wait_durable()
    assert {answer["name"] for answer in load.answers_since(ready, kept=True)} == {name}


QUOTA = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"}, "spec": {"hard": {"pods": "1"}}}


def kill_container(cluster: Cluster, pod: Any) -> None:
    """The kubelet starts another one in the same pod."""
    (status,) = pod["status"]["containerStatuses"]
    identity = status["containerID"].partition("://")[2]
    cluster.kill_container(pod["spec"]["nodeName"], identity)


def test_no_room_for_the_pods_that_follow(app: App, cluster: Cluster) -> None:
    """What serves is swapped in and stays, through restarts; that it does not last is told, and mended by room."""
    app.edit(update={"progressDeadlineSeconds": 10})
    app.wait_durable()
    namespace, name, old = app.namespace, next(names), ask(app.port)["name"]
    namespace.apply(QUOTA)
    eventually(lambda: namespace.get("resourcequotas", "tight").get("status", {}).get("used"), "the quota counts")
    (before,) = app.pods()
    with Load(app.port) as load:
        app.edit(**scripted(name))
        namespace.wait_ready(app.name)
        told = namespace.wait_condition(app.name, "Durable", "False", "FailedCreate")
        assert "exceeded quota: tight" in told["message"]
        assert namespace.condition(app.name, "Ready")["status"] == "True"
        stalled = namespace.wait_condition(app.name, "Stalled", "True", "FailedCreate", 40)
        assert "exceeded quota: tight" in stalled["message"]
        assert namespace.condition(app.name, "Available")["status"] == "True"
        assert ask(app.port) == {"name": name, "by": before}
        written = app.get()["metadata"]["resourceVersion"]
        time.sleep(3)
        assert app.get()["metadata"]["resourceVersion"] == written, "it is told once"
    with Load(app.port, lossless=False) as load:
        kill_container(cluster, app.pods()[before])
        eventually(lambda: app.restarts() == 1, "the container started again", 60)
        eventually(lambda: before in app.ready_pods(), "the pod ready again", 60)
        assert eventually(lambda: ask_if_reachable(app.port), "an answer") == {"name": name, "by": before}

        namespace.kubectl("delete", "pod", before)  # another one comes, of the old template or of the new one
        eventually(lambda: bool(app.ready_pods()) and before not in app.pods(), "another pod", 60)
        assert eventually(lambda: ask_if_reachable(app.port), "an answer")["name"] == name
    assert old not in [answer["name"] for answer in load.answers_since(0, kept=True) if answer]
    namespace.kubectl("delete", "resourcequota", "tight")
    with Load(app.port):
        namespace.wait_ready(app.name)
        app.wait_durable()
        assert ask(app.port)["name"] == name
