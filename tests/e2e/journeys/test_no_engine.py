"""A cluster of a stranger: a kubeconfig and a registry are all that the operator has, and no Docker engine answers it.

One test, because each step continues from the one before.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from app import App
from kube import Cluster, Namespace, eventually
from operator_process import LMD, OperatorProcess
from registry_nodes import gateway, know_registry, push_python
from support import given, oci_registry, package_index
from support.cache_folder import CACHE
from support.web_server import Answer, serving

NO_ENGINE = {"DOCKER_HOST": "tcp://127.0.0.1:1"}
SCRIPT = """
import os
from pathlib import Path


def init():
    global word
    word = Path(os.environ["AZUREML_MODEL_DIR"], "word.txt").read_text()


def run(raw_data):
    return [word, "edit"]
"""
SOURCE_ONLY = SCRIPT.replace("import os\n", "import os\n\nimport oldie\n").replace('"edit"', "oldie.__name__")
PACKAGE = SCRIPT.replace("import os\n", "import os\n\nimport joblib\n").replace('"edit"', "joblib.__version__")


@pytest.fixture(scope="module")
def registry(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry whose images the nodes pull; it has the base image."""
    folder = tmp_path_factory.mktemp("registry")
    with oci_registry.serving(folder, address=gateway()) as host:
        for node in cluster.nodes():
            know_registry(node, host, host)
        push_python(host, folder / "saved")
        yield host


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An index with one package, which comes as source only, at an address that pods reach."""
    folder = tmp_path_factory.mktemp("index")
    package_index.make_sdist(folder, "oldie", "1.0", Path("/tmp/ran"))
    with package_index.serving(folder, address=gateway()) as url:
        yield url


@pytest.fixture(autouse=True)
def operator(
    cluster: Cluster, operator_of_all: OperatorProcess, registry: str, index: str
) -> Iterator[OperatorProcess]:
    """An operator without an engine, in place of the other one. Its home has no model and no environment."""
    home = CACHE / f"{cluster.name}-no-engine"
    home.mkdir(exist_ok=True)
    operator_of_all.stop()
    operator = OperatorProcess(cluster.context, home, "--registry", f"http://{registry}", **NO_ENGINE, UV_INDEX=index)
    try:
        operator.start()
        yield operator
        operator.stop()
    finally:
        operator.kill()
        operator_of_all.start()


def answer(namespace: Namespace) -> object:
    """What the deployment answers inside the cluster; this machine has no port of it."""
    path = f"/api/v1/namespaces/{namespace.name}/services/app:80/proxy/score"
    return json.loads(namespace.cluster.kubectl("create", "--raw", path, "-f", "-", given="{}"))


def test_from_nothing_but_a_manifest(namespace: Namespace, registry: str, operator: OperatorProcess) -> None:
    with serving() as web:
        web.answers = [Answer(body=b"served", headers={})]
        pin = hashlib.sha256(b"served").hexdigest()
        manifest = given.lmd(
            "app",
            0,
            given.inline(SCRIPT.replace("edit", "first")),
            models=[{"name": "no-engine-word", "uri": f"{web.url}/word.txt#sha256={pin}"}],
            environment={"python": "3.11", "baseImage": f"{registry}/team/python:3.11-slim"},
        )
        del manifest["spec"]["service"]
        namespace.apply(manifest)
        namespace.wait_ready("app", 300)
    assert answer(namespace) == ["served", "first"]
    image = namespace.get("lmd", "app")["status"]["image"]
    assert image.startswith(f"{registry}/localmodel/deployments@sha256:")

    app = App(namespace, manifest, 0)
    app.edit(scoring=given.inline(SCRIPT))
    namespace.wait_ready("app")
    assert answer(namespace) == ["served", "edit"]

    environment = {**manifest["spec"]["environment"], "requirements": ["joblib==1.6.0"]}
    app.edit(scoring=given.inline(PACKAGE), environment=environment)
    namespace.wait_condition("app", "Reconciling", "True", "BuildingEnvironment")
    operator.kill()
    assert answer(namespace) == ["served", "edit"]
    operator.start()
    namespace.wait_ready("app", 300)
    assert answer(namespace) == ["served", "1.6.0"]

    place = ["--target", "kind", "--context", namespace.cluster.context, "--namespace", namespace.name]
    environment_variables = {**os.environ, **NO_ENGINE}
    subprocess.run([LMD, "rollback", "app", *place], env=environment_variables, check=True, capture_output=True)
    eventually(lambda: answer(namespace) == ["served", "edit"], "the revision before")
    namespace.wait_ready("app")

    from_source = {**environment, "requirements": ["oldie==1.0"]}
    app.edit(scoring=given.inline(SOURCE_ONLY), environment=from_source)
    eventually(lambda: namespace.kubectl("get", "jobs", "-o", "name"), "a Job that builds the wheel", 120)
    operator.kill()
    assert answer(namespace) == ["served", "edit"]
    operator.start()
    namespace.wait_ready("app", 300)
    assert answer(namespace) == ["served", "oldie"]
    assert namespace.kubectl("get", "jobs,pods", "-l", "localmodel.dev/builds-for=app", "-o", "name") == ""
    app.edit(scoring=given.inline(SCRIPT), environment=environment)
    namespace.wait_ready("app")

    app.edit(environment={**environment, "baseImage": f"{registry}/team/nosuch:1"})
    stalled = namespace.wait_condition("app", "Stalled", "True", "BaseImageUnreadable")
    assert f"image {registry}/team/nosuch:1 cannot be read" in stalled["message"]
    assert answer(namespace) == ["served", "edit"]
    namespace.kubectl("delete", "lmd", "app")  # while there is an operator that gives its port back
