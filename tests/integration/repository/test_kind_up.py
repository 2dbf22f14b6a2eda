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


def test_a_silent_cluster_that_tests_use_is_waited_for(tmp_path: Path) -> None:
    for name, text in PROGRAMS.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\ncd {tmp_path} && {text}\n")
        program.chmod(0o755)
    output = tmp_path / "output"
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "LOCALMODEL_AIRGAP_CACHE": str(tmp_path),
    }
    with (tmp_path / "used.in-use").open("w") as lock, output.open("w") as said:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [ROOT / "hack" / "kind-up", "used", ROOT / "hack" / "kind-two-nodes.yaml"]
        with subprocess.Popen(command, stdout=said, stderr=said, env=environment) as process:
            try:
                eventually(lambda: process.poll() is not None or "tests use it: waiting" in output.read_text())
                (tmp_path / "answers").touch()
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)
            assert process.wait(60) == 0, output.read_text()
    assert "cluster used is already up" in output.read_text()
    assert "delete" not in (tmp_path / "kind-did").read_text()
