"""From nothing to the answer of a model of one's own: one command, and at most one correction."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support import installed_wheel, trained_models
from support.lmd_command import Lmd

DATA = Path(__file__).parents[2] / "data" / "newcomer"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but the wheel."""
    return installed_wheel.install(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folders with their models, and by folder a request and what the model's own library answers."""
    folder = tmp_path_factory.mktemp("projects") / "newcomer"
    shutil.copytree(DATA, folder)
    python = trained_models.interpreter("new")
    return folder, json.loads(trained_models.run(python, [str(folder / "train.py")], os.environ))


@pytest.fixture
def newcomer(place: Path, lmd: Lmd, projects: tuple[Path, dict[str, Any]]) -> Lmd:
    """The installed command in the folder of the projects."""
    command = Lmd(projects[0], str(place / "bin" / "lmd"))
    command.home, command.port = lmd.home, lmd.port
    return command


@pytest.mark.parametrize(
    ("project", "model", "correction"),
    [
        (
            "churn",
            "model.pkl",
            "there is no requirements.txt in churn: score.py:5 imports joblib, score.py:6 imports pandas, model "
            "churn:1 needs joblib, lightgbm, numpy and scikit-learn, which no requirement brings; add joblib, "
            "lightgbm, numpy>=2, pandas, scikit-learn==1.9.1; --write writes it into churn/requirements.txt",
        ),
        (
            "reviews",
            "model.pkl",
            "cleaning.py:3 imports sklearn.base, model reviews:1 needs joblib, numpy and scikit-learn, which no "
            "requirement brings; add joblib, numpy, scikit-learn==1.9.1; --write writes it",
        ),
        ("iris", "artifacts", "score.py:5 imports numpy, score.py:6 imports onnxruntime"),
    ],
)
def test_a_model_of_ones_own_answers_after_one_command_and_one_correction(
    newcomer: Lmd, projects: tuple[Path, dict[str, Any]], project: str, model: str, correction: str
) -> None:
    command = ("apply", f"./{project}", "--model", f"./{project}/{model}", f"--port={newcomer.port}")
    refused = newcomer(*command)
    assert refused.code == 1 and refused.out == "" and correction in refused.err
    assert "environment" not in refused.err, "nothing was installed for it"

    served = newcomer(*command, "--write")
    assert served.code == 0, served.err
    assert served.out == f"{project}: revision 1 serves at http://localhost:{newcomer.port}/score\n"
    request, expected = projects[1][project]
    answer = json.loads(newcomer("invoke", project, "--data", json.dumps({"data": request})).out)
    assert answer == (pytest.approx(expected) if project == "churn" else expected)


def test_every_part_of_the_library_that_needs_no_extra_can_be_imported(place: Path) -> None:
    names = "localmodel.azure.core, localmodel.azure.core.webservice, localmodel.azure.core.environment, localmodel"
    subprocess.run([place / "bin" / "python", "-c", f"import {names}"], check=True)
