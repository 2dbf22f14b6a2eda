"""The SDK with a container: the same program as for a process, with another target."""

from pathlib import Path

import numpy as np
import pytest
from docker_lmd import DockerLmd
from support.lmd_command import script
from support.sdk_given import write_source

from localmodel import Client, DeployError, ScoringError


def test_a_program_for_the_process_target_works_with_containers(
    lmd: DockerLmd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALMODEL_HOME", str(lmd.home))
    monkeypatch.chdir(lmd.folder)
    script_file = write_source(Path("code"))
    Path("model.bin").write_text("1")
    with Client("docker") as client:
        digits = client.deploy("sdk", script_file, models="model.bin", port=lmd.port)
        assert digits.state == "running" and digits.url == f"http://localhost:{lmd.port}/score"
        assert digits.score(np.eye(1)) == {"data": [[1.0]]}
        assert digits.score(b"\x00\xff") == b"\xff\x00"
        assert digits.score("variable")[1].endswith("/azureml-models/sdk/1")
        with pytest.raises(ScoringError, match="LookupError: no such row") as scoring:
            digits.score("fail")
        assert 'helper.py", line 3, in fail' in scoring.value.traceback
        script_file.write_text("def init(): 1 / 0\ndef run(raw_data): pass\n")
        with pytest.raises(DeployError, match=r"score\.py:1: ZeroDivisionError") as failed:
            digits.reload()
        assert 'score.py", line 1, in init' in failed.value.traceback
        assert digits.state == "failed" and digits.score(1) == 1, "the old one serves"
        script_file.write_text(script("'edited'"))
        Client("docker").get("sdk").reload()
        assert digits.score(1) == "edited"
        assert "hello from init" in digits.logs() and len(digits.logs(lines=1).splitlines()) == 1
        digits.delete()
        assert digits.state == "deleted"
