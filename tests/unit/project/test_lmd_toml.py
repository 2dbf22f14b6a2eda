"""lmd.toml: what it says, and how a wrong key is refused."""

from pathlib import Path

import pytest

from localmodel import UserError
from localmodel.project import lmd_toml
from localmodel.project.folder import beside
from localmodel.project.settings import Settings


def read(folder: Path, text: str) -> Settings:
    (folder / "lmd.toml").write_text(text)
    return lmd_toml.read(folder)


def test_a_folder_without_one_says_nothing(tmp_path: Path) -> None:
    assert lmd_toml.read(tmp_path) == Settings()


def test_every_key_is_read_with_paths_from_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_text("1")
    text = """
        name = "churn"
        entry_script = "serve.py"
        models = ["model.pkl", "digits:2", "scaler=model.pkl"]
        requirements = "requirements.txt"
        python = "3.12"
        port = 7001
        gate = "gate.yaml"
        request = "one.json"
        target = "docker"
        [variables]
        THRESHOLD = "0.5"
        [server]
        scoring_timeout_seconds = 5
        [capture]
        percent = 5
        keep = {megabytes = 2}
        [replay]
        tolerance = 1e-6
        ignore = ["$.took"]
        [canary]
        steps = [{percent = 5, seconds = 60}]
        [canary.fail]
        errorRatio = 0.00001
        latencyRatio = 2
        [shadow]
        percent = 10
        fail = {changedRatio = "0.5"}
    """
    model = tmp_path / "model.pkl"
    assert read(tmp_path, text) == Settings(
        name="churn",
        entry_script="serve.py",
        models=(str(model), "digits:2", f"scaler={model}"),
        environment=tmp_path / "requirements.txt",
        python="3.12",
        port=7001,
        variables={"THRESHOLD": "0.5"},
        server={"scoring_timeout_seconds": 5},
        capture={"percent": 5, "keep": {"megabytes": 2}},
        update={
            "replay": {"tolerance": "1e-06", "ignore": ["$.took"]},
            "shadow": {"percent": 10, "fail": {"changedRatio": "0.5"}},
            "canary": {
                "steps": [{"percent": 5, "seconds": 60}],
                "fail": {"errorRatio": "0.00001", "latencyRatio": "2"},
            },
        },
        gate=tmp_path / "gate.yaml",
        request=tmp_path / "one.json",
        target="docker",
    )


def test_models_may_be_a_table_and_requirements_a_list(tmp_path: Path) -> None:
    found = read(tmp_path, 'requirements = ["numpy==2.4.6"]\n[models]\nchurn = "sub/model.pkl"\n')
    assert found.models == (f"churn={tmp_path / 'sub/model.pkl'}",)
    assert found.environment == ("numpy==2.4.6",)
    assert read(tmp_path, 'environment = "digits-env:1"').environment == "digits-env:1"


def test_a_gate_may_stand_in_it(tmp_path: Path) -> None:
    assert read(tmp_path, "[[gate]]\nbody = '1'\n[[gate]]\nbody = '2'\n").gate == ({"body": "1"}, {"body": "2"})
    assert read(tmp_path, "gate = []").gate == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "a"\n\nmodel = "b"\n', "lmd.toml:3: model: unknown key; did you mean models?"),
        ("colour = 1", "lmd.toml:1: colour: unknown key; there are: name, entry_script, models"),
        ("[server]\nworkers = 1\nscoring-timeout = 3\n", "lmd.toml:3: server.scoring-timeout: unknown key; did you"),
        ("[server]\nworkers = '2'", "lmd.toml:2: server.workers: give a number, not '2'"),
        ("capture = true", "lmd.toml:1: capture: give a table, such as [capture] with percent = 100"),
        ("replay = 5", "lmd.toml:1: replay: give a table, such as [replay] with maxChanged = 0"),
        ("port = 70000", "lmd.toml:1: port: give a number from 1 to 65535, not 70000"),
        ("port = true", "lmd.toml:1: port: give a number from 1 to 65535, not True"),
        ("python = 3.12", 'lmd.toml:1: python: give a minor version in quotes, such as "3.12", not 3.12'),
        ('python = "3.12.9"', "lmd.toml:1: python: give a minor version such as \"3.12\", not '3.12.9'"),
        ('[variables]\n"A B" = "1"\n', "lmd.toml:2: variables.A B: not a name of a variable: use letters, digits"),
        ('[variables]\nA = "1"\nB = 2\n', 'lmd.toml:3: variables.B: give a text: "2"'),
        ('target = "kubernetes"', "lmd.toml:1: target: give one of process, docker, kind, not 'kubernetes'"),
        ("models = 3", "lmd.toml:1: models: give names or paths"),
        ('environment = "e"\nrequirements = []\n', "lmd.toml:2: requirements: give one of environment and"),
        ('name = "a\n', "lmd.toml:1: not TOML: "),
        ("gate = 5", "lmd.toml:1: gate: give the path of a file, or requests"),
    ],
)
def test_what_is_wrong_is_told_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value) and caught.value.reason == "SettingsFileInvalid"


def test_a_link_to_nothing_is_not_taken_for_no_settings(tmp_path: Path) -> None:
    (tmp_path / "lmd.toml").symlink_to(tmp_path / "gone.toml")
    with pytest.raises(UserError, match=r"lmd\.toml: cannot be read: it links to nothing"):
        lmd_toml.read(tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "lmd.toml").write_text('name = "churn"\n', "utf-8-sig")
    assert lmd_toml.read(tmp_path).name == "churn"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = "==3.12.*"\n', "utf-8-sig")
    assert beside.choose(tmp_path).python == "3.12"
