"""A package is built by the engine alone, and serves."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_lmd import PYTHON
from support.lmd_command import script

from localmodel.azure.core import Environment, Model, Workspace
from localmodel.azure.core.conda_dependencies import CondaDependencies
from localmodel.azure.core.model import InferenceConfig

TAG = "localmodel-test-package:1"


@pytest.fixture
def image(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An image built from a package with a model and a variable."""
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("score.py").write_text("import os\n" + script("[MODEL, os.environ['PRICE']]").replace("pass", OPEN))
    Path("model.txt").write_text("the model")
    ws = Workspace.from_config()
    plain = Environment("plain")
    plain.python.conda_dependencies = CondaDependencies.create(python_version=PYTHON)
    plain.environment_variables = {"PRICE": '5 $ "net"'}
    model = Model.register(ws, "model.txt", "m")
    config = InferenceConfig("score.py", environment=plain)
    Model.package(ws, [model], config, generate_dockerfile=True).save("package")
    engine.images.build(path="package", tag=TAG, rm=True, forcerm=True, labels={"localmodel-test": "package"})
    yield TAG
    engine.images.remove(TAG, force=True)
    engine.images.prune(filters={"dangling": True, "label": "localmodel-test=package"})


OPEN = 'globals()["MODEL"] = open(os.environ["AZUREML_MODEL_DIR"] + "/model.txt").read()'


def test_the_image_of_a_package_serves(engine: Any, image: str) -> None:
    container = engine.containers.run(image, detach=True, ports={"5001/tcp": ("127.0.0.1", None)})
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                container.reload()
                port = container.ports["5001/tcp"][0]["HostPort"]
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/score", b"{}", timeout=5) as answer:
                    assert json.load(answer) == ["the model", '5 $ "net"']
                    return
            except (OSError, KeyError, TypeError):
                assert time.monotonic() < deadline, container.logs().decode()
                time.sleep(0.2)
    finally:
        container.remove(force=True)
