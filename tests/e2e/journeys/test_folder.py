"""A folder, and a model alone, on a cluster: applied, edited, and exported as a manifest that serves the same."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from kube import Cluster, Namespace, eventually, take_port
from load import ask
from operator_process import LMD
from support import given

from localmodel.targets.kind.kind import KindTarget

SCRIPT = "def init(): pass\ndef run(raw_data): return {answer!r}\n"
Command = Callable[..., str]


@pytest.fixture
def lmd(cluster: Cluster, namespace: Namespace, home: Path, tmp_path: Path) -> Command:
    """The command with the target kind, in this test's namespace; returns what it says."""
    place = {"LOCALMODEL_HOME": str(home), "PATH": f"{Path(cluster.program).parent}:{os.environ['PATH']}"}
    target = ["--target", "kind", "--context", cluster.context, "--namespace", namespace.name]

    def run(*arguments: str) -> str:
        command = [str(LMD), *arguments, *target]
        done = subprocess.run(command, env={**os.environ, **place}, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def captured(lmd: Command) -> list[str] | None:
    """The requests of the folder's deployment; None until there are some."""
    try:
        return lmd("capture", "words").splitlines()
    except AssertionError as error:
        if "none has come since" not in str(error):
            raise
        return None


def test_a_folder_is_applied_edited_and_exported(
    lmd: Command,
    cluster: Cluster,
    namespace: Namespace,
    shared_namespace: Namespace,
    port: int,
    ports: Iterator[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT.format(answer="first"))
    (folder / "lmd.toml").write_text(f'port = {port}\npython = "3.11"\n[capture]\npercent = 100\n')
    lmd("apply", "./words")
    assert ask(port) == "first"
    (kept,) = map(json.loads, eventually(lambda: captured(lmd), "a captured request"))
    assert (kept["revision"], kept["answer"]) == ("1", '"first"')
    # Now, because a pod that is replaced takes with it what it has captured.
    assert "revision 1: it serves" in lmd("why", kept["id"])
    assert "revision 1 of words gives the same 7 bytes" in lmd("rerun", kept["id"], "words")
    (folder / "score.py").write_text(SCRIPT.format(answer="second"))
    assert "revision 2 serves" in lmd("apply", "./words")
    assert ask(port) == "second"
    assert "code is why: score.py" in lmd("bisect", "words", "--data", "1", "--good", "1")

    # What the page about a cluster shows, and the page of the server itself
    monkeypatch.setenv("PATH", f"{Path(cluster.program).parent}:{os.environ['PATH']}")
    seen = KindTarget(cluster.context, namespace.name).in_cluster("words")
    assert {"Ready", "ImageDelivered"} <= {condition.name for condition in seen.conditions} and not seen.missing
    assert any(pod.node and pod.state == "ready" for pod in seen.pods)
    assert any(event.reason == "Serving" and "words" in event.about for event in seen.events)
    page = httpx.get(f"http://localhost:{port}/ui")
    assert page.status_code == 200 and "ui/page.js" in page.text

    assert "kubectl apply -k out" in lmd("export", "manifest", "words", "--output-dir", "out")
    elsewhere, other_port = tmp_path / "elsewhere", take_port(cluster, ports)
    elsewhere.mkdir()
    patch = [{"op": "replace", "path": "/spec/service/localPort", "value": other_port}]
    overlay = {
        "resources": ["../out"],
        "namespace": shared_namespace.name,
        "patches": [{"target": {"kind": "LocalModelDeployment"}, "patch": yaml.safe_dump(patch)}],
    }
    (elsewhere / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    shared_namespace.kubectl("apply", "-k", str(elsewhere))
    shared_namespace.wait_ready("words")
    assert ask(other_port) == ask(port) == "second"


def test_a_model_without_a_script(namespace: Namespace, port: int, sample_model: int) -> None:
    manifest = given.lmd("pictures", port, {}, models=[{"name": "sklearn_mnist", "version": sample_model}])
    del manifest["spec"]["scoring"]
    namespace.apply(manifest)
    status = namespace.wait_ready("pictures", 400)["status"]
    assert status["scoring"].startswith("generated for sklearn (scikit-learn==")
    answer = httpx.post(f"http://localhost:{port}/score", json={"data": [[0.0] * 784]}, timeout=30, trust_env=False)
    assert answer.json() in ([digit] for digit in range(10)), answer.text


def test_manifests_that_need_no_operator_answer_as_the_operators_deployment(
    lmd: Command, cluster: Cluster, shared_namespace: Namespace, port: int, tmp_path: Path
) -> None:
    folder = tmp_path / "alone"
    folder.mkdir()
    (folder / "score.py").write_text("def init(): pass\ndef run(raw_data): return [raw_data, 'answered']\n")
    (folder / "lmd.toml").write_text(f'port = {port}\npython = "3.11"\n')
    (folder / "request.json").write_text('{"data": [1, 2]}')
    lmd("apply", "./alone")
    url = f"http://localhost:{port}/score"
    by_operator = httpx.post(url, content=(folder / "request.json").read_bytes(), trust_env=False).json()
    assert by_operator == ['{"data": [1, 2]}', "answered"]

    assert "kubectl apply -f out" in lmd("export", "kubernetes", "alone", "--output-dir", "out")
    kind = Path(cluster.program).with_name("kind")
    image = ["load", "image-archive", str(tmp_path / "out" / "image.tar"), "--name", cluster.name]
    subprocess.run([kind, *image], check=True, timeout=300)
    shared_namespace.kubectl("apply", "-f", str(tmp_path / "out"))
    shared_namespace.kubectl("rollout", "status", "deployment/alone", "--timeout=90s")
    assert "alone" not in {one["metadata"]["name"] for one in shared_namespace.find("lmd")}
    service = f"/api/v1/namespaces/{shared_namespace.name}/services/alone:http/proxy/score"
    answer = cluster.kubectl("create", "--raw", service, "-f", str(folder / "request.json"))
    assert json.loads(answer) == by_operator
