from __future__ import annotations

from pathlib import Path

from support.server.scoring_server_process import ScoringServer, write_script

from localmodel_worker.script.model_tree import describe


def test_what_there_is_of_models(tmp_path: Path) -> None:
    (tmp_path / "kept" / "1").mkdir(parents=True)
    (tmp_path / "kept" / "1" / "model.pkl").write_bytes(b"12345")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "digits").symlink_to(tmp_path / "kept")
    assert describe(str(tmp_path / "models")) == f"AZUREML_MODEL_DIR: {tmp_path}/models\n  digits/1/model.pkl 5"


def test_no_models(tmp_path: Path) -> None:
    assert describe("") == "AZUREML_MODEL_DIR: not set, which is not a folder"
    assert describe(f"{tmp_path}/no") == f"AZUREML_MODEL_DIR: {tmp_path}/no, which is not a folder"


def test_many_files_are_cut(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / str(number)).touch()
    lines = describe(str(tmp_path)).splitlines()
    assert len(lines) == 202
    assert lines[-1] == "  ..."


def test_a_script_that_does_not_find_its_model_sees_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.joblib").write_bytes(b"1234")
    environment = write_script(tmp_path / "app", "def init(): open('model.pkl')\ndef run(data): ...")
    with ScoringServer(tmp_path, {**environment, "AZUREML_MODEL_DIR": str(tmp_path / "models")}) as server:
        server.wait_for_end()
        assert f"AZUREML_MODEL_DIR: {tmp_path}/models\n  model.joblib 4" in server.log


def test_a_script_of_the_name_main(tmp_path: Path) -> None:
    """The original imports main.py where no script is named."""
    environment = write_script(tmp_path / "app", "", main="def init(): ...\ndef run(data): return 'main'")
    (tmp_path / "app" / "score.py").unlink()
    with ScoringServer(tmp_path, environment) as server:
        assert server.wait_until_ready().score({}).json == "main"
