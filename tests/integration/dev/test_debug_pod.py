"""lmd debug --target kind, with a kubectl that runs on this machine what it is to run in the pod."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from support.lmd_command import LMD, Lmd, free_port
from support.server.dap_client import DapClient
from support.server.scoring_server_process import Reply, ScoringServer, write_script

SCORE = "def init(): ...\n\ndef run(raw_data):\n    answer = len(raw_data)\n    return answer\n"
# The pod's /tmp is a folder, its process 1 the server of the test.
KUBECTL = """#!{python}
import json, os, subprocess, sys, time
arguments = sys.argv[1:]
if arguments[0] == "get":
    print(open({folder!r} + ("/pods.json" if arguments[1] == "pods" else "/resource.json")).read())
elif arguments[0] == "port-forward":
    print("Forwarding from 127.0.0.1", flush=True)
    time.sleep(600)
else:
    own = [part.replace("/tmp/", {folder!r} + "/") for part in arguments[arguments.index("--") + 2 :]]
    own = [part.replace("os.kill(1,", "os.kill({pid},") for part in own]
    sent = sys.stdin.buffer.read()
    sent = sent.replace(b"/tmp/", {folder!r}.encode() + b"/") if sent.startswith(b"{{") else sent
    sys.exit(subprocess.run([{python!r}, *own], input=sent).returncode)
"""


def pod(name: str, ready: bool) -> dict[str, object]:
    condition = {"type": "Ready", "status": str(ready)}
    metadata = {"name": name, "creationTimestamp": f"2026-01-0{name[-1]}T00:00:00Z"}
    return {"metadata": metadata, "status": {"conditions": [condition]}}


def kubectl(folder: Path, server: ScoringServer, python: str) -> None:
    path = folder / "kubectl"
    path.write_text(KUBECTL.format(python=python, folder=str(folder), pid=server.process.pid))
    path.chmod(0o755)
    resource = {
        "kind": "LocalModelDeployment",
        "metadata": {"name": "digits", "namespace": "mine", "generation": 1},
        "spec": {"scoring": {"entryScript": "score.py"}},
        "status": {"selector": "a=b"},
    }
    (folder / "resource.json").write_text(json.dumps(resource))
    (folder / "pods.json").write_text(json.dumps({"items": [pod("p1", True), pod("p3", False), pod("p2", True)]}))


def test_a_breakpoint_stops_a_pod(lmd: Lmd, tmp_path: Path) -> None:
    python = str(Path(LMD).with_name("python"))
    folder, port = tmp_path / "pod", free_port()
    folder.mkdir()
    variables = write_script(tmp_path / "app", SCORE)
    variables |= {"LOCALMODEL_DEBUG_FILE": str(folder / "localmodel-debug.json"), "SCORING_TIMEOUT_MS": "1000"}
    with ScoringServer(tmp_path, variables) as server:
        server.wait_until_ready()
        kubectl(folder, server, python)
        path = f"{folder}:{os.environ['PATH']}"
        with (
            (tmp_path / "out").open("w") as out,
            (tmp_path / "err").open("w") as err,
            subprocess.Popen(
                [LMD, "debug", "digits", "--target", "kind", "--port", str(port)],
                cwd=tmp_path / "app",
                env={**os.environ, "PATH": path, "LOCALMODEL_HOME": str(lmd.home)},
                stdout=out,
                stderr=err,
            ) as command,
        ):
            try:
                replies: list[Reply] = []
                with DapClient(port) as ide:
                    ide.attach(tmp_path / "app", str(tmp_path / "app"), {"score.py": [5]})
                    asking = threading.Thread(target=lambda: replies.append(server.score(b"12345")))
                    asking.start()
                    assert ide.stopped_variables()[2]["answer"] == "5"
                    time.sleep(1.5)  # longer than the deployment allows for a request
                    ide.go_on()
                    asking.join(60)
                assert [reply.json for reply in replies] == [5]
                command.send_signal(signal.SIGINT)
                assert command.wait(60) == 0
            finally:
                command.kill()
        assert "2 pods answer, and only requests that reach p2 can stop" in (tmp_path / "err").read_text()
        assert '"remoteRoot": "/var/azureml-app"' in (tmp_path / "app" / ".vscode" / "launch.json").read_text()
        assert server.score(b"123").json == 3
        assert not (folder / "localmodel-debug.json").exists()
