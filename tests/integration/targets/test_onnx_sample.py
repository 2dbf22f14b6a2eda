"""The ONNX sample: trained with one environment, served with another, its input checked before run()."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from support.lmd_command import Lmd

from localmodel.environments.locks import lock as locks
from localmodel.environments.venvs import venv
from localmodel.resource.spec import EnvironmentSpec

SAMPLE = Path(__file__).parents[3] / "manifests" / "samples" / "onnx-diabetes"


@pytest.fixture(scope="module")
def trained(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model, the request, and what the training said (said.txt)."""
    folder = tmp_path_factory.mktemp("trained")
    wanted = EnvironmentSpec("3.11", tuple((SAMPLE / "requirements-train.txt").read_text().split()))
    lock = asyncio.run(locks.resolve(wanted, None, folder / "locks"))
    python = asyncio.run(venv.build(lock, wanted.python, environments))
    command = [python, SAMPLE / "train.py", "--output", folder / "diabetes.onnx", "--request", folder / "request.json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (folder / "said.txt").write_text(said)
    return folder


def test_training_beats_the_guess_and_makes_the_request_that_is_kept(trained: Path) -> None:
    off, guess = map(float, re.findall(r"(\d+\.\d)", (trained / "said.txt").read_text())[:2])
    assert off < 0.8 * guess
    assert (trained / "request.json").read_text() == (SAMPLE / "request.json").read_text()


def test_the_sample_answers_from_an_environment_without_the_trainer(lmd: Lmd, trained: Path) -> None:
    assert lmd("model", "register", trained / "diabetes.onnx", "--name", "onnx_diabetes").out == "onnx_diabetes:1\n"
    folder = lmd.folder / "sample"
    shutil.copytree(SAMPLE, folder)
    deployment = folder / "deployment.yaml"
    content = yaml.safe_load(deployment.read_text())
    content["spec"]["service"]["localPort"] = lmd.port
    deployment.write_text(yaml.safe_dump(content))
    assert lmd("apply", "-k", folder).code == 0

    assert lmd("invoke", "onnx-diabetes", "--request", SAMPLE / "request.json").out == "[241.5, 238.2]\n"
    for body in ('{"data": [[59.0, 2.0, 32.1]]}', '{"patients": []}'):
        refused = lmd("invoke", "onnx-diabetes", "--data", body)
        assert refused.code == 1 and "answered with status 400" in refused.err
        assert "data" in json.loads(refused.out)["message"]
