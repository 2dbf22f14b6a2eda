"""The API server goes away and comes back."""

from __future__ import annotations

import subprocess
import time

from kube import Cluster, Namespace, Refused, eventually
from load import Load, ask_often
from operator_process import OperatorProcess
from support import given


def in_node(node: str, *command: str) -> str:
    return subprocess.run(["docker", "exec", node, *command], capture_output=True, text=True, check=True).stdout


def restart_api_server(cluster: Cluster) -> None:
    """End it; the kubelet starts it again."""
    node = f"{cluster.name}-control-plane"
    before = in_node(node, "pidof", "kube-apiserver").strip()
    in_node(node, "kill", before)

    def anew() -> bool:
        running = in_node(node, "sh", "-c", "pidof kube-apiserver || true").strip()
        return running not in ("", before)

    eventually(anew, "another API server process", 120)

    def answers() -> bool:
        try:
            return cluster.kubectl("get", "--raw", "/readyz") == "ok"
        except Refused:
            return False

    eventually(answers, "the API server answers again", 120)


def test_edit_right_after_the_api_server_restarted(cluster: Cluster, namespace: Namespace, port: int) -> None:
    namespace.apply(given.lmd("app", port, given.inline(given.script("before"))))
    namespace.wait_ready("app")
    with Load(port):
        restart_api_server(cluster)
        namespace.apply(given.lmd("app", port, given.inline(given.script("after"))))
        namespace.wait_ready("app")
        assert ask_often(port) == ["after"]


def test_api_server_goes_while_pods_prepare(
    cluster: Cluster, namespace: Namespace, port: int, operator: OperatorProcess
) -> None:
    namespace.apply(given.lmd("app", port, given.inline(given.script("before"))))
    namespace.wait_ready("app")
    slow = given.script("after").replace("    pass", "    import time\n    time.sleep(2)")
    with Load(port) as load:
        mark = operator.mark()
        namespace.apply(given.lmd("app", port, given.inline(slow)))
        operator.wait_for_log("sending a bundle", mark)
        restart_api_server(cluster)
        namespace.wait_ready("app")
        ready = time.monotonic()
        assert ask_often(port) == ["after"]
    assert load.answers_since(ready, kept=True) == ["after"]
