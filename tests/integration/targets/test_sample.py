"""The sample: trained in its own environment, served, and right about pictures it has not seen."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from support.lmd_command import Lmd, ask

from localmodel.environments.locks import lock as locks
from localmodel.environments.venvs import venv
from localmodel.resource import manifest, spec

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "manifests" / "samples" / "sklearn-mnist"
FILES = ("deployment.yaml", "kustomization.yaml")
PAGE_DIGIT = ROOT / "tests" / "data" / "page-digit.json"


@pytest.fixture(scope="module")
def trained(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model, the request, and what the training said (said.txt)."""
    folder = tmp_path_factory.mktemp("trained")
    wanted = spec.parse(manifest.read(SAMPLE).deployment["spec"]).environment
    lock = asyncio.run(locks.resolve(wanted, None, folder / "locks"))
    python = asyncio.run(venv.build(lock, wanted.python, environments))
    model = folder / "sklearn_mnist_model.pkl"
    command = [python, SAMPLE / "train.py", "--output", model, "--request", folder / "request.json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (folder / "said.txt").write_text(said)
    return folder


def test_training_is_good_on_unseen_pictures_and_makes_the_request_that_is_kept(trained: Path) -> None:
    accuracy = re.search(r"accuracy on 360 unseen pictures: (0\.\d+)", (trained / "said.txt").read_text())
    assert accuracy and float(accuracy[1]) >= 0.95
    assert (trained / "request.json").read_text() == (SAMPLE / "request.json").read_text()


def test_the_sample_answers_2(lmd: Lmd, trained: Path) -> None:
    model = trained / "sklearn_mnist_model.pkl"
    assert lmd("model", "register", model, "--name", "sklearn_mnist").out == "sklearn_mnist:1\n"
    folder = lmd.folder / "sample"
    shutil.copytree(SAMPLE, folder)
    deployment = folder / "deployment.yaml"
    content = yaml.safe_load(deployment.read_text())
    content["spec"]["service"]["localPort"] = lmd.port
    deployment.write_text(yaml.safe_dump(content))
    assert lmd("apply", "-k", folder).code == 0

    kept, page = (json.loads(path.read_text()) for path in (SAMPLE / "request.json", PAGE_DIGIT))
    assert len(kept["data"][0]) == len(page["data"][0]) == 784
    assert ask(lmd.port, kept) == (200, [2], 1)
    assert ask(lmd.port, page) == (200, [2], 1)
    assert ask(lmd.port, {"data": kept["data"] + page["data"]}).body == [2, 2]


def test_the_sample_with_the_gate_of_the_how_to(lmd: Lmd, trained: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "gate.md").read_text()
    (command,) = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    _, update, generator = map(yaml.safe_load, re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    lmd("model", "register", trained / "sklearn_mnist_model.pkl", "--name", "sklearn_mnist")
    folder = lmd.folder / "sample"
    shutil.copytree(SAMPLE, folder)
    subprocess.run(["sh", "-c", command], cwd=folder, check=True)
    deployment, kustomization = (yaml.safe_load((folder / name).read_text()) for name in FILES)
    deployment["spec"].update({**update, "service": {"localPort": lmd.port}})
    kustomization["configMapGenerator"] += generator
    for name, content in zip(FILES, (deployment, kustomization), strict=True):
        (folder / name).write_text(yaml.safe_dump(content))
    assert lmd("apply", "-k", folder).code == 0

    score = folder / "score.py"
    score.write_text(score.read_text().replace(".predict(pictures)", ".predict(1 - pictures)"))
    result = lmd("apply", "-k", folder)
    said = "revision 2 does not serve: gate: request 1 (a two): $[0]: expected 2, got "
    assert result.code == 1 and said in result.err
    assert ask(lmd.port, json.loads((SAMPLE / "request.json").read_text())) == (200, [2], 1)
