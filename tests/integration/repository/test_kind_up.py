"""hack/kind-up does not delete a cluster that tests use, however long it is silent."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from support.server.scoring_server_process import eventually

ROOT = Path(__file__).parents[3]
# A cluster that answers as soon as there is a file of that name; everything that kind does is noted.
PROGRAMS = {
    "docker": "[ $1 != ps ] || echo 0123456789ab",
    "kubectl": "[ -e answers ]",
    "kind": "echo $* >>kind-did; [ $1 != export ] || [ -e answers ]",
}
# A cluster of two nodes that was made from source, and whose API server ends once after it has said that all is ready.
RESTARTED = {
    "docker": """case "$*" in
  *Config.Image*) echo localmodel-airgap/node:tag ;;
  *IPAddress*) echo 192.0.2.1 ;;
  exec*) echo "$*" >>routes ;;
  ps*) echo 0123456789ab ;;
esac""",
    "kubectl": """case "$*" in
  *podCIDR*) if [ -e restarted ]; then echo 10.244.1.0/24; else touch restarted; echo EOF >&2; exit 1; fi ;;
  *"get nodes"*) echo two nodes ;;
esac""",
    "kind": "echo $* >>kind-did; [ $1 != get ] || printf 'used-control-plane\nused-worker\n'",
}


def programs(folder: Path, texts: dict[str, str]) -> dict[str, str]:
    """The environment in which `docker`, `kubectl` and `kind` are these shell scripts, run in `folder`."""
    for name, text in texts.items():
        program = folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ncd {folder} && {{ {text}\n}}\n")
        program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "LOCALMODEL_AIRGAP_CACHE": str(folder)}


COMMAND = [ROOT / "hack" / "kind-up", "used", ROOT / "hack" / "kind-two-nodes.yaml"]


def test_a_silent_cluster_that_tests_use_is_waited_for(tmp_path: Path) -> None:
    environment = programs(tmp_path, PROGRAMS)
    output = tmp_path / "output"
    with (tmp_path / "used.in-use").open("w") as lock, output.open("w") as said:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(COMMAND, stdout=said, stderr=said, env=environment) as process:
            try:
                eventually(lambda: process.poll() is not None or "tests use it: waiting" in output.read_text())
                (tmp_path / "answers").touch()
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)
            assert process.wait(60) == 0, output.read_text()
    assert "cluster used is already up" in output.read_text()
    assert "delete" not in (tmp_path / "kind-did").read_text()


def test_an_api_server_that_ends_once_more_after_its_engine_came_back_is_waited_for(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND, capture_output=True, text=True, timeout=60, check=False, env=programs(tmp_path, RESTARTED)
    )
    assert done.returncode == 0, done.stderr
    assert "cluster used is already up" in done.stderr
    assert "two nodes" in done.stderr
    assert "delete" not in (tmp_path / "kind-did").read_text()
    added = "ip route replace 10.244.1.0/24 via 192.0.2.1"
    routes = (tmp_path / "routes").read_text().splitlines()
    assert routes[-2:] == [f"exec used-control-plane {added}", f"exec used-worker {added}"]
