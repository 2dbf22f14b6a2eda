"""The operator, killed in the middle of something and started again, ends where it would have ended."""

from __future__ import annotations

import hashlib
import random
import subprocess
from pathlib import Path

from kube import Cluster, Namespace, delete_at_once, eventually, wait_swept
from load import Load, ask, ask_often
from operator_process import OperatorProcess, register
from support import given

WITH_PACKAGE = "import six\n" + given.script("").replace("''", "six.__version__")
ENVIRONMENT = {"requirements": ["six==1.17.0"]}


def test_killed_while_building_an_environment(
    shared_namespace: Namespace, shared_port: int, operator: OperatorProcess
) -> None:
    namespace, port = shared_namespace, shared_port
    first = given.lmd("app", port, given.inline(given.script("before")))
    namespace.apply(first)
    namespace.wait_ready("app")
    with Load(port):
        mark = operator.mark()
        namespace.apply(given.with_fields(first, scoring=given.inline(WITH_PACKAGE), environment=ENVIRONMENT))
        building = namespace.wait_condition("app", "EnvironmentBuilt", "False", "Building")
        assert "python:3.11-slim" in building["message"]
        operator.wait_for_log("Python 3.11 of python:3.11-slim at ", mark)
        operator.kill()
        assert ask(port) == "before"
        operator.start()
        namespace.wait_ready("app", 240)
        assert ask_often(port) == ["1.17.0"]


def test_last_user_of_an_environment_takes_it_along(
    shared_namespace: Namespace, cluster: Cluster, home: Path, operator: OperatorProcess
) -> None:
    revision = shared_namespace.revisions("app")[-1]["data"]
    key = revision["environment"]

    def on_host() -> bool:
        tag = f"localmodel.dev/environment/{(home / 'store' / 'id').read_text()[:12]}:{key}"
        listed = subprocess.run(["docker", "image", "ls", "-q", tag], capture_output=True, text=True, check=True)
        return bool(listed.stdout.strip() or list(home.glob(f"store/**/{key}.json")))

    assert on_host()
    before = {node: cluster.images(node) for node in cluster.nodes()}
    ours = revision["image"].partition("@")[0]
    before = {node: {name for name in names if not name.startswith(ours)} for node, names in before.items()}
    delete_at_once(shared_namespace, "app")
    wait_swept(cluster, revision["image"], before)
    eventually(lambda: not on_host(), f"environment {key} gone from the host", 60)


def test_killed_while_sending_an_image(
    namespace: Namespace, port: int, operator: OperatorProcess, home: Path, tmp_path: Path
) -> None:
    content = random.Random(0).randbytes(60_000_000)
    (tmp_path / "large.bin").write_bytes(content)
    version = register(home, "large", tmp_path / "large.bin")
    text = (
        "import hashlib, os, pathlib\n\n\ndef init():\n    pass\n\n\ndef run(raw_data):\n"
        "    file = pathlib.Path(os.environ['AZUREML_MODEL_DIR'], 'large.bin')\n"
        "    return hashlib.sha256(file.read_bytes()).hexdigest()\n"
    )
    mark = operator.mark()
    namespace.apply(given.lmd("app", port, given.inline(text), models=[{"name": "large", "version": version}]))
    operator.wait_for_log("sending", mark)
    operator.kill()
    assert not namespace.find("pods"), "it was killed too late to prove anything"
    operator.start()
    namespace.wait_ready("app")
    assert ask(port) == hashlib.sha256(content).hexdigest()
