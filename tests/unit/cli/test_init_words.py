"""What lmd init refuses, and what it says of a model that it has not used."""

import pickle
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from localmodel.cli import main


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    return tmp_path


def init(*words: str) -> Result:
    return CliRunner().invoke(main, ["init", *words])


def of_main(path: Path) -> None:
    """Write a pickle of a class that only the script had which saved it."""
    path.write_bytes(b"c__main__\nModel\n)\x81.")


@pytest.mark.parametrize("name", ["nope.pkl", "nope.onnx", "nope.pkl.gz", "score.py"])
def test_a_file_that_is_not_there_is_no_folder_to_make(here: Path, name: str) -> None:
    result = init(f"m/{name}")
    assert result.exit_code == 2 and f"m/{name}: no such file" in result.stderr
    assert not [*(here / "m").iterdir()]


def test_what_is_no_model_is_refused(here: Path) -> None:
    (here / "m/notes.txt").touch()
    assert "m/notes.txt is neither a folder nor a model" in init("m/notes.txt").stderr


def test_a_model_that_cannot_be_used_is_named_with_the_reason(here: Path) -> None:
    of_main(here / "m/main.pkl")
    (here / "m/other.pkl").write_bytes(pickle.dumps({}))
    result = init("m/main.pkl")
    assert result.exit_code == 0 and "Model" in result.stderr
    assert "score.py is a start: let it load main.pkl" in result.stderr and "lmd init" not in result.stderr
    assert 'models = ["main.pkl"]' in (here / "m/lmd.toml").read_text()


def test_an_empty_model_is_called_unreadable(here: Path) -> None:
    (here / "m/empty.pkl").touch()
    assert "empty.pkl cannot be read as a model" in init("m").stderr


def test_of_two_models_both_are_named_and_how_to_serve_one(here: Path) -> None:
    folder = here / "my models"
    folder.mkdir()
    of_main(folder / "a.pkl")
    of_main(folder / "b.pkl")
    result = init("my models")
    assert "let it load a.pkl, b.pkl" in result.stderr
    assert f"lmd apply {shlex.quote('my models/a.pkl')}" in result.stderr


def test_an_empty_folder_s_script_is_called_a_start() -> None:
    assert "score.py is a start" in init("m").stderr


def test_samples_are_not_mixed(here: Path) -> None:
    assert init("s1", "--sample", "sklearn-mnist").exit_code == 0
    before = {path.name: path.read_bytes() for path in (here / "s1").iterdir()}
    refused = init("s1", "--sample", "onnx-diabetes")
    assert refused.exit_code == 1
    assert (
        "s1 has " in refused.stderr and "score.py" in refused.stderr and "of the sample sklearn-mnist" in refused.stderr
    )
    assert {path.name: path.read_bytes() for path in (here / "s1").iterdir()} == before


def test_a_training_script_is_told_of_with_what_to_do(here: Path) -> None:
    (here / "m/train.py").write_text("import joblib\njoblib.dump([], 'model.pkl')\n")
    result = init("m/train.py")
    assert result.exit_code == 0
    assert "m/train.py has no init() and run(), and stays as it is" in result.stderr
    assert "lmd run m/train.py runs it, and lmd init MODEL" in result.stderr


def test_an_entry_script_of_another_name_is_told_of_with_how_to_serve_it(here: Path) -> None:
    (here / "m/serve.py").write_text("def init(): pass\ndef run(raw_data): pass\n")
    assert "m/serve.py can serve as it is: lmd apply m --entry-script serve.py" in init("m/serve.py").stderr
