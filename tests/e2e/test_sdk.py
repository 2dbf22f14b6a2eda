"""The SDK with a real cluster: the same program as for a process, with another target."""

from pathlib import Path

import pytest
from kube import Cluster, Namespace

from localmodel import Client, DeployError, ScoringError
from localmodel.spec import EnvironmentSpec

SCRIPT = """
import json

def init():
    print("hello from init")

def run(raw_data):
    return {"a": 1}[json.loads(raw_data)]
"""


def test_a_program_for_the_process_target_works_with_a_cluster(
    cluster: Cluster, namespace: Namespace, port: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALMODEL_HOME", str(home))
    monkeypatch.setenv("PATH", str(Path(cluster.program).parent), prepend=":")
    script = tmp_path / "score.py"
    script.write_text(SCRIPT)
    with Client("kind", context=cluster.context, namespace=namespace.name) as client:
        digits = client.deploy("sdk", script, environment=EnvironmentSpec(), port=port)
        assert digits.state == "running" and digits.score("a") == 1
        with pytest.raises(ScoringError, match="KeyError: 'b'") as scoring:
            digits.score("b")
        assert 'score.py", line 8, in run' in scoring.value.traceback
        script.write_text(SCRIPT.replace('"a": 1', '"a": 2'))
        digits.reload()
        assert digits.score("a") == 2
        script.write_text("def init(): 1 / 0\ndef run(raw_data): pass\n")
        with pytest.raises(DeployError, match=r"score\.py:1: ZeroDivisionError"):
            digits.reload()
        assert digits.state == "failed" and digits.score("a") == 2, "the old one serves"
        assert "hello from init" in digits.logs()
        digits.delete()
        assert digits.state == "deleted"
