"""How a cluster leads to a deployment: by a port of this machine, or only through the API server."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from kube import Cluster, Namespace, eventually
from load import ask
from operator_process import LMD
from support import given
from support.lmd_command import free_port


def environment(cluster: Cluster) -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(cluster.program).parent}:{os.environ['PATH']}"}


def target(namespace: Namespace) -> list[str]:
    return ["--target", "kind", "--context", namespace.cluster.context, "--namespace", namespace.name]


def lmd(namespace: Namespace, *arguments: str) -> str:
    command = [str(LMD), *arguments, *target(namespace)]
    done = subprocess.run(command, env=environment(namespace.cluster), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kept_answer(connection: http.client.HTTPConnection) -> str:
    connection.request("POST", "/score", b"null")
    return connection.getresponse().read().decode()


def test_an_edit_of_the_exposure_moves_one_service(namespace: Namespace, port: int) -> None:
    manifest = given.lmd("app", port, given.inline(given.script("here")))
    inside = given.with_fields(manifest, service={"expose": "None"})
    namespace.apply(inside)
    status = namespace.wait_ready("app", 200)["status"]
    assert status["url"] == f"http://app.{namespace.name}.svc/score" and "localPort" not in status
    assert f"lmd forward app --namespace {namespace.name}" in namespace.condition("app", "Ready")["message"]
    assert lmd(namespace, "invoke", "app", "--data", "null").strip() == '"here"'
    before = namespace.get("services", "app")["metadata"]["uid"]
    namespace.apply(manifest)
    namespace.wait_ready("app")
    assert ask(port) == "here"
    connection = http.client.HTTPConnection("localhost", port, timeout=30)
    assert kept_answer(connection) == '"here"'
    namespace.apply(inside)
    namespace.wait_ready("app")
    assert kept_answer(connection) == '"here"', "a connection that is kept outlives the address"
    connection.close()
    after = namespace.get("services", "app")
    assert (after["metadata"]["uid"], after["spec"]["type"]) == (before, "ClusterIP")
    assert [revision["revision"] for revision in namespace.revisions("app")] == [1]


@contextmanager
def forwarded(namespace: Namespace, port: int, log: Path) -> Iterator[None]:
    command = [str(LMD), "forward", "app", "--port", str(port), *target(namespace)]
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment(namespace.cluster), stdout=output, stderr=output)
    try:
        eventually(lambda: "leads to app" in log.read_text() or None, "lmd forward listens", 60)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, log.read_text()


def test_a_forwarded_address_stays_while_its_pod_is_replaced(namespace: Namespace, tmp_path: Path) -> None:
    namespace.apply(given.lmd("app", 1, given.inline(given.script("here")), service={"expose": "None"}))
    namespace.wait_ready("app", 200)
    port, over, answers = free_port(), threading.Event(), list[str]()

    def ask_on() -> None:
        while not over.is_set():
            try:
                answers.append(httpx.post(f"http://localhost:{port}/score", json=None, timeout=90).text)
            except httpx.HTTPError as error:
                answers.append(type(error).__name__)

    with forwarded(namespace, port, tmp_path / "log"):
        asking = threading.Thread(target=ask_on)
        asking.start()
        (pod,) = namespace.pods("app")
        eventually(lambda: len(answers) > 3, "the first answers", 60)
        namespace.kubectl("delete", "pod", pod["metadata"]["name"])
        so_far = len(answers)
        eventually(lambda: len(answers) > so_far + 5, "answers of the next pod", 90)
        over.set()
        asking.join()
    assert set(answers) == {'"here"'}
    assert [new["metadata"]["name"] for new in namespace.pods("app")] != [pod["metadata"]["name"]]
