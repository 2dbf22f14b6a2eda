"""Files that cannot be served without a script, and files of strangers: one sentence each."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localmodel.errors import UserError
from localmodel.no_code import is_model, scoring

SIGNATURE = {"inputs": '[{"name": "age", "type": "double"}]'}
MLMODEL: dict[str, Any] = {
    "flavors": {
        "python_function": {"loader_module": "mlflow.sklearn", "python_version": "3.11.9"},
        "sklearn": {"pickled_model": "model.pkl", "serialization_format": "pickle"},
    },
    "signature": SIGNATURE,
}
# Saves an object whose class is of the file, a list, and what a module beside the file has.
SAVES = """
import pickle, sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
import cleaning
class Mine: pass
here = Path(__file__).parent
for name, value in (("mine", Mine()), ("dict", {"model": 1}), ("sibling", cleaning.Cleaner())):
    (here / f"{name}.pkl").write_bytes(pickle.dumps(value))
"""


def refused(path: Path) -> str:
    with pytest.raises(UserError) as raised:
        scoring(path, "demo")
    text = str(raised.value)
    assert "\n" not in text and len(text) < 400, text
    return f"{raised.value.reason}: {text}"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    (folder / "cleaning.py").write_text("class Cleaner: pass\n")
    (folder / "save.py").write_text(SAVES)
    subprocess.run([sys.executable, folder / "save.py"], check=True)
    return folder


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine.pkl", "Mine is of the script or notebook that saved it"),
        ("sibling.pkl", "needs the module cleaning"),
        ("dict.pkl", "holds a dict, which has no predict()"),
    ],
)
def test_what_needs_code_of_its_own_needs_a_script(saved: Path, name: str, words: str) -> None:
    text = refused(saved / name)
    assert text.startswith("ScriptNeeded: ") and words in text and text.endswith("lmd init starts one")


@pytest.mark.parametrize("ending", ["pt", "h5", "keras", "safetensors"])
def test_weights_need_a_script(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"model.{ending}").write_bytes(b"weights")
    assert is_model(tmp_path / f"model.{ending}"), "so that the sentence is told"
    assert refused(tmp_path / f"model.{ending}").startswith("ScriptNeeded: ")


def test_other_files_and_folders_are_not_models(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("tree\n")
    (tmp_path / "request.json").write_text('{"data": []}')
    (tmp_path / "deployment.yaml").write_text("kind: x")
    for path in (*tmp_path.iterdir(), tmp_path, tmp_path / "nothing"):
        assert not is_model(path), path
    assert refused(tmp_path).startswith("ScriptNeeded: ")
    assert refused(tmp_path / "notes.txt").startswith("ScriptNeeded: ")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.pkl", pickle.dumps(list(range(1000)))[:500]),
        ("empty.joblib", b""),
        ("garbage.onnx", os.urandom(2000)),
        ("empty.onnx", b""),
        ("garbage.skops", b"PK\x03\x04" + b"\0" * 100),
        ("cut.ubj", b"{L\0\0\0\0\0\0\0\x07learner{L\0\0\0\0\0\0\0\x0dfeature_names[#L\0\0\0\x7f\xff\xff\xff\xff"),
        ("deep.ubj", b"{L\0\0\0\0\0\0\0\x07learner" + b"[" * 10_000),
        ("cut.json", b'{"learner": {"attributes"'),
        ("deep.json", b'{"learner": ' + b"[" * 200_000),
        ("cut.txt", b"tree\nversion=v4\n"),
        (
            "last.txt",
            b"tree\nversion=v4\nfeature_names=a\ntree_sizes=40 400\n\nTree=0\nnum_leaves=1\n" + b"leaf=1\n" * 50,
        ),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert refused(tmp_path / name).startswith("ModelUnreadable: ")


def test_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    """A gigabyte of nothing, behind the beginning of each kind of file."""
    for name, start in (
        ("a.onnx", b"\x3a\x80\x80\x80\x80\x04"),
        ("a.json", b'{"learner": 1'),
        ("a.txt", b"tree\nversion=v4\nfeature_names=Column_0\nfeature_infos=[0:1]\n"),
        ("a.pkl", b"\x80\x04B\x00\x00\x00\x40"),
    ):
        with (tmp_path / name).open("wb") as file:
            file.write(start)
            file.truncate(1 << 30)
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from localmodel.errors import UserError\n"
        "from localmodel.no_code import scoring\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))\n"
        "for path in map(Path, sys.argv[1:]):\n"
        "    try:\n"
        "        print(scoring(path, 'demo').flavor)\n"
        "    except UserError as error:\n"
        "        print(error.reason)\n"
    )
    command = [sys.executable, "-c", program, *sorted(map(str, tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["ScriptNeeded", "ModelUnreadable", "ModelUnreadable", "lightgbm"]


def mlflow(folder: Path, content: Any, requirements: str = "scikit-learn==1.9.1\n") -> Path:
    model = folder / "churn"
    model.mkdir()
    (model / "MLmodel").write_text(content if isinstance(content, str) else json.dumps(content))
    (model / "model.pkl").write_bytes(b"\x80\x04csklearn.linear_model._base\nLinearRegression\n)\x81.")
    (model / "requirements.txt").write_text(requirements)
    return model


def test_a_folder_of_mlflows_that_is_whole(tmp_path: Path) -> None:
    made = scoring(mlflow(tmp_path, MLMODEL), "demo")
    assert (made.flavor, made.environment.python) == ("mlflow.sklearn", "3.11")
    assert json.loads(made.request or b"") == {"data": [{"age": 0.0}]}
    assert b'folder / "churn/model.pkl"' in made.files[made.entry]
    assert made == scoring(tmp_path / "churn", "demo"), "the same model has the same script"


def test_without_a_signature_requests_are_not_checked(tmp_path: Path) -> None:
    made = scoring(mlflow(tmp_path, {**MLMODEL, "signature": None}), "demo")
    assert made.request is None
    assert "without a signature" in made.notes[0]
    assert b"json.loads(raw_data)" in made.files[made.entry]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sklearn": {"pickled_model": "../../secret.pkl"}}, "leads out of the folder"),
        ({"sklearn": {"pickled_model": "/etc/passwd"}}, "leads out of the folder"),
        ({"sklearn": {"pickled_model": "other.pkl"}}, "'other.pkl', which is not in the folder"),
        (
            {"python_function": {"loader_module": "mlflow.sklearn", "python_version": "3.7.1"}},
            "MLflow saved it with Python 3.7, and 3.9, 3.10",
        ),
    ],
)
def test_what_mlflow_says_is_checked(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    content = {**MLMODEL, "flavors": {**MLMODEL["flavors"], **change}}
    (tmp_path / "secret.pkl").touch()
    assert words in refused(mlflow(tmp_path, content))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "flavors: {}",
        "\0",
        "a: &a [x, x]\nb: &b [*a, *a]\n" + "".join(f"c{n}: &c{n} [*b, *b]\n" for n in range(20)),
        "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 40)),
        "{" * 100_000,
    ],
)
def test_mlmodels_of_strangers(tmp_path: Path, text: str) -> None:
    assert refused(mlflow(tmp_path, text)).startswith("ModelUnreadable: ")


def test_requirements_that_cannot_be_kept_are_named_by_their_line(tmp_path: Path) -> None:
    assert "requirements.txt:2" in refused(mlflow(tmp_path, MLMODEL, "scikit-learn==1.9.1\n-e .\n"))


def test_an_archive_that_unpacks_to_too_much(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "large.skops", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * (65 << 20))
    assert "too large" in refused(tmp_path / "large.skops")
