"""A debugger in a pod: a breakpoint stops a request, and afterwards everything is as before."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

from kube import Namespace, eventually
from load import ask
from operator_process import LMD
from support import given
from support.lmd_command import free_port
from support.server.dap_client import DapClient

SCRIPT = """import json


def init():
    pass


def run(raw_data):
    number = json.loads(raw_data)
    doubled = number * 2
    return doubled
"""


def test_a_breakpoint_stops_a_request_in_a_pod(namespace: Namespace, port: int, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT)
    server = {"workers": 1, "scoringTimeoutSeconds": 1}
    namespace.apply(given.lmd("debugged", port, given.inline(SCRIPT), server=server))
    namespace.wait_ready("debugged", 200)
    before = namespace.get("lmd", "debugged")
    debug_port = free_port()
    command = [str(LMD), "debug", "debugged", "--target", "kind", "--folder", str(folder), "--port", str(debug_port)]
    log = tmp_path / "debug.log"
    environment = {**os.environ, "KUBECONFIG": str(own_context(namespace, tmp_path))}
    with log.open("w") as output:
        # where it runs, it writes a configuration for editors
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=output, stderr=output)
    try:
        eventually(lambda: "Ctrl-C ends" in log.read_text() or None, "the debugger is there", 60)
        answers: list[object] = []
        with DapClient(debug_port) as ide:
            ide.attach(folder, "/var/azureml-app", {"score.py": [11]})
            request = threading.Thread(target=lambda: answers.append(ask(port, 21)))
            request.start()
            function, line, variables = ide.stopped_variables()
            assert (function, line, variables["doubled"]) == ("run", 11, "42")
            request.join(2)
            assert request.is_alive()  # at the breakpoint, for longer than the timeout
            ide.go_on()
            request.join(10)
        assert answers == [42]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert ask(port, 4) == 8
    assert namespace.get("lmd", "debugged")["status"] == before["status"]
    assert namespace.pods("debugged")[0]["status"]["containerStatuses"][0]["restartCount"] == 0


def own_context(namespace: Namespace, folder: Path) -> Path:
    """A kubeconfig whose current context is the test's cluster and namespace."""
    path = folder / "kubeconfig"
    path.write_text(namespace.cluster.kubectl("config", "view", "--raw", "--minify"))
    namespace.cluster.kubectl(
        "config", "set-context", "--current", f"--namespace={namespace.name}", f"--kubeconfig={path}"
    )
    return path
