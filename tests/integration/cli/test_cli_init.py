"""lmd init: what it writes, and that what is there stays."""

import json
from pathlib import Path

import joblib
from sklearn.linear_model import LogisticRegression
from support.lmd_command import Lmd, script

ALL = "gate.yaml, lmd.toml, request.json, requirements.txt, score.py"


def test_a_folder_without_anything_gets_what_can_be_tried(lmd: Lmd) -> None:
    made = lmd("init", "churn")
    assert made.code == 0 and made.out == f"churn: wrote {ALL}\n"
    tried = lmd("try", "./churn")
    assert tried.code == 0 and json.loads(tried.out) == {"predictions": []}
    again = lmd("init", "./churn")
    assert again.out == "churn: nothing is missing\n"


def test_the_files_fit_the_model_that_lies_in_the_folder(lmd: Lmd) -> None:
    folder = lmd.folder / "iris"
    folder.mkdir()
    joblib.dump(LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1]), folder / "model.pkl")
    assert lmd("init", folder).out == f"{folder}: wrote {ALL}\n"
    assert 'models = ["model.pkl"]' in (folder / "lmd.toml").read_text()
    assert "scikit-learn==" in (folder / "requirements.txt").read_text()
    assert json.loads((folder / "request.json").read_text()) == {"data": [[0.0, 0.0]]}
    assert lmd("plan", folder).code == 0


def test_what_is_there_stays_and_its_imports_are_the_requirements(lmd: Lmd) -> None:
    folder = lmd.folder / "mine"
    folder.mkdir()
    own = "import yaml\n" + script("1")
    (folder / "score.py").write_text(own)
    (folder / "lmd.toml").write_text("port = 7000\n")
    assert lmd("init", folder).out == f"{folder}: wrote requirements.txt\n"
    assert (folder / "score.py").read_text() == own
    assert (folder / "lmd.toml").read_text() == "port = 7000\n"
    assert (folder / "requirements.txt").read_text() == "pyyaml\n"


def test_a_folder_that_cannot_give_a_name_needs_one(lmd: Lmd) -> None:
    refused = lmd("init", "2024_model")
    assert refused.code != 0 and "--name m-2024-model" in refused.err
    assert not Path(lmd.folder, "2024_model").exists()
    assert lmd("init", "2024_model", "--name=churn").code == 0
    assert 'name = "churn"' in (lmd.folder / "2024_model/lmd.toml").read_text()
