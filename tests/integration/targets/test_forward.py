"""lmd forward and lmd invoke with a kubectl that leads to servers of this machine in the place of pods."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.lmd_command import free_port

from localmodel import Client
from localmodel.errors import UserError
from localmodel.sdk.progress import LoggedProgress
from localmodel.targets.kind import forward
from localmodel.targets.kind.forward import Forward
from localmodel.targets.kind.kind import KindTarget
from localmodel.targets.kind.kubectl import Kubectl
from localmodel.targets.kind.tunnel import Tunnel

# port-forward leads to the port in the file with the pod's name, until that file is gone; a watch prints what is
# added to the file `pods`.
KUBECTL = """#!/bin/sh
cd "$(dirname "$0")"
case " $* " in
*" --watch "*) exec tail -n +1 -f pods ;;
*" get localmodeldeployments"*) cat resource.json ;;
*" port-forward "*)
    for word; do case "$word" in pod/*|service/*) place="${word#*/}" ;; esac; done
    [ -f "$place" ] || { echo "Error from server (NotFound): pods \\"$place\\" not found" >&2; exit 1; }
    echo "Forwarding from 127.0.0.1:$(cat "$place") -> 5001"
    while [ -f "$place" ]; do sleep 0.1; done
    echo "error: lost connection to pod" >&2; exit 1 ;;
esac
"""


class Cluster:
    """Pods by name, each a server of this machine that answers with its name."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        (folder / "kubectl").write_text(KUBECTL)
        (folder / "kubectl").chmod(0o755)
        (folder / "pods").touch()

    def start(self, name: str, since: str = "1", ready: bool = True) -> None:
        (self._folder / name).write_text(str(self._stack.enter_context(answering(name))))
        self.tell(name, since, ready)

    def tell(self, name: str, since: str = "1", ready: bool = True, **metadata: str) -> None:
        """Have the watch show the pod."""
        condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": since}
        pod = {"metadata": {"name": name, **metadata}, "status": {"conditions": [condition]}}
        with (self._folder / "pods").open("a") as pods:
            pods.write(f"{json.dumps(pod, indent=4)}\n")

    def end(self, name: str) -> None:
        (self._folder / name).unlink()


@contextmanager
def answering(name: str) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(name)))
            self.end_headers()
            self.wfile.write(name.encode())

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(name="cluster")
def given_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@pytest.fixture(name="kubectl")
def given_kubectl(cluster: Cluster, tmp_path: Path) -> Kubectl:
    kubectl = Kubectl(None, None)
    kubectl.command = [str(tmp_path / "kubectl")]
    return kubectl


@pytest.fixture(name="port")
def given_port(kubectl: Kubectl) -> Iterator[int]:
    """A port that is led to the pods."""
    port = free_port()
    loop = asyncio.new_event_loop()
    leading = Forward(kubectl, "team", "a=b", LoggedProgress())
    with ThreadPoolExecutor() as threads:
        listening = threading.Event()
        task = loop.create_task(leading.run(port, listening.set))
        ended = threads.submit(run_until_cancelled, loop, task)
        assert listening.wait(30)
        yield port
        loop.call_soon_threadsafe(task.cancel)
        ended.result(30)
    loop.close()


def run_until_cancelled(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


def ask(port: int) -> str:
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.post(f"http://127.0.0.1:{port}/score", json=1).text


def asked(port: int) -> Future[str]:
    """An answer that may take long."""
    answer: Future[str] = Future()
    threading.Thread(target=lambda: answer.set_result(ask(port)), daemon=True).start()
    return answer


def test_a_request_waits_for_a_pod_and_goes_on_to_the_next(cluster: Cluster, port: int) -> None:
    cluster.start("starting", ready=False)
    waiting = asked(port)
    assert not waiting.done()
    cluster.start("first", since="2")
    assert waiting.result(30) == "first"
    with httpx.Client(trust_env=False, timeout=30) as kept:
        assert kept.post(f"http://127.0.0.1:{port}/score", json=1).text == "first"
        cluster.start("second", since="3")
        assert ask(port) == "first", "what works is not changed"
        cluster.tell("first", deletionTimestamp="now")
        for _ in range(100):
            if ask(port) == "second":
                break
        assert ask(port) == "second"
        assert kept.post(f"http://127.0.0.1:{port}/score", json=1).text == "first", "a connection stays with its pod"
    cluster.end("second")
    cluster.tell("second", deletionTimestamp="now")
    cluster.start("third", since="4")
    assert ask(port) == "third"


def test_a_way_that_breaks_is_made_anew(cluster: Cluster, port: int) -> None:
    """As after an API server that was away: the pod is the same, and the watch has nothing to say."""
    cluster.start("only")
    assert ask(port) == "only"
    cluster.end("only")
    threading.Event().wait(1)  # until its kubectl has ended
    waiting = asked(port)
    cluster.start("only")
    assert waiting.result(30) == "only"


def test_who_waits_too_long_is_told(cluster: Cluster, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "_SECONDS_FOR_A_POD", 0.3)
    assert "no pod of the deployment is ready" in ask(port)


def test_the_library_reaches_what_has_no_address(cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    url = "http://app.team.svc/score"
    status = {"url": url, "revisions": {"serving": 1}}
    resource = {"metadata": {"name": "app", "namespace": "team", "generation": 1}, "status": status}
    (tmp_path / "resource.json").write_text(json.dumps(resource))
    cluster.start("app")
    target = KindTarget()
    target._kubectl = kubectl
    app = Client._of(target).get("app")
    assert (app.score(1), app.url) == (b"app", url)
    way = target.reach(app.status)
    assert target.reach(app.status) == way, "it is kept"
    cluster.end("app")
    threading.Event().wait(1)  # until its kubectl has ended
    cluster.start("app")
    assert target.reach(app.status) != way


def test_a_tunnel_to_nothing_says_what_kubectl_says(kubectl: Kubectl) -> None:
    with pytest.raises(UserError, match=r'kubectl port-forward: .*pods "gone" not found') as caught:
        Tunnel(kubectl, "team", "service/gone", "http")
    assert caught.value.reason == "KubectlFailed"
