"""The SDK with a cluster: what it asks of kubectl, and what it makes of the answers. tests/e2e has a real one."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.sdk_given import given_home, write_source  # noqa: F401 - a fixture

from localmodel import Client, DeployError, UserError

# Keeps what it is asked and given, and answers with the prepared files.
KUBECTL = """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>asked
case " $* " in
*" apply "*) cat >applied.json; cat resource.json ;;
*" logs "*) cat log ;;
*" get "*) if [ -f missing ]; then cat missing >&2; exit 1; fi; cat resource.json ;;
*" delete "*) cat missing >&2; exit 1 ;;
esac
"""
LOG = """[pod/digits-7f-x2/server] 2026-11-22T22:37:13.258Z ERROR revision '5' does not serve: init() failed
[pod/digits-7f-x2/server] Traceback (most recent call last):
[pod/digits-7f-x2/server]   File "/var/azureml-app/score.py", line 3, in init
[pod/digits-7f-x2/server] KeyError: 'age'
"""
NOT_FOUND = 'Error from server (NotFound): localmodeldeployments.localmodel.dev "digits" not found\n'


@pytest.fixture(name="kubectl")
def given_kubectl(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a kubectl in it, which is found before any other."""
    folder = tmp_path / "kubectl"
    folder.mkdir()
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    (folder / "log").write_text(LOG)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def prepare(kubectl: Path, *conditions: dict[str, Any]) -> None:
    resource = {
        "kind": "LocalModelDeployment",
        "metadata": {"name": "digits", "namespace": "mine", "generation": 2, "annotations": {"theirs": "1"}},
        "spec": {
            "update": {"progressDeadlineSeconds": 300},
            "scoring": {"entryScript": "score.py", "source": {"inline": {"score.py": ""}}},
            "replicas": 3,
        },
        "status": {
            "url": "http://localhost:6790/score",
            "revisions": {"serving": 4},
            "selector": "a=b",
            "conditions": [{"observedGeneration": 2, **condition} for condition in conditions],
        },
    }
    (kubectl / "resource.json").write_text(json.dumps(resource))


READY = {"type": "Ready", "status": "True", "reason": "Serving", "message": ""}
MESSAGE = "init() failed: score.py:3: KeyError: 'age'"
UNREADY = {"type": "Ready", "status": "False", "reason": "InitFailed", "message": MESSAGE}
STALLED = {"type": "Stalled", "status": "True", "reason": "InitFailed", "message": MESSAGE}


def test_a_deploy_applies_one_manifest_and_waits(kubectl: Path) -> None:
    prepare(kubectl, READY)
    script = write_source(Path("code"))
    digits = Client("kind", context="kind-x", namespace="mine").deploy("digits", script, replicas=2)
    applied = json.loads((kubectl / "applied.json").read_text())
    assert applied["metadata"] == {"name": "digits", "annotations": {"localmodel.dev/source": str(script.absolute())}}
    assert applied["spec"]["scoring"]["source"] == {"code": {"name": "digits", "version": 1}}
    assert applied["spec"]["replicas"] == 2
    asked = (kubectl / "asked").read_text().splitlines()
    assert asked[1] == "--context kind-x --namespace mine apply --openapi-patch=false -f - -o json"
    assert digits.state == "running" and digits.url == "http://localhost:6790/score"


def test_an_update_starts_from_what_the_cluster_has(kubectl: Path) -> None:
    prepare(kubectl, READY)
    Client("kind").get("digits").update(port=6791)
    applied = json.loads((kubectl / "applied.json").read_text())
    assert applied["metadata"] == {"name": "digits", "namespace": "mine", "annotations": {"theirs": "1"}}
    assert applied["spec"]["service"] == {"localPort": 6791} and applied["spec"]["replicas"] == 3
    assert applied["spec"]["scoring"]["source"] == {"inline": {"score.py": ""}}
    assert "status" not in applied


def test_a_failure_has_the_traceback_of_the_pods_log(kubectl: Path) -> None:
    prepare(kubectl, UNREADY, STALLED)
    digits = Client("kind").get("digits")
    with pytest.raises(DeployError, match=r"score\.py:3: KeyError: 'age'") as caught:
        digits.update(port=6791)
    assert caught.value.reason == "InitFailed"
    assert caught.value.traceback.splitlines()[1:] == [
        '  File "/var/azureml-app/score.py", line 3, in init',
        "KeyError: 'age'",
    ]
    assert digits.state == "failed" and digits.message == MESSAGE
    prepare(kubectl, UNREADY)
    assert digits.state == "deploying"


def test_what_is_not_there_is_deleted(kubectl: Path) -> None:
    prepare(kubectl, READY)
    digits = Client("kind").get("digits")
    (kubectl / "missing").write_text(NOT_FOUND)
    assert digits.state == "deleted"
    digits.delete(missing_ok=True)
    with pytest.raises(UserError, match="not found"):
        digits.delete()
