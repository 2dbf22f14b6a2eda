"""What a PATH is, and the name of what is deployed from it."""

from pathlib import Path

import pytest

from localmodel.project import place
from localmodel.project.folder import beside
from localmodel.project.place import PathError, Place


@pytest.mark.parametrize(
    ("files", "path", "kind"),
    [
        (["score.py"], ".", "folder"),
        (["kustomization.yaml", "score.py"], ".", "kustomization"),
        (["kustomization.yaml", "lmd.toml", "score.py"], ".", "folder"),
        (["score.py"], "score.py", "script"),
        (["a.yaml"], "a.yaml", "manifest"),
        ([], ".", "folder"),
    ],
)
def test_what_a_path_is(tmp_path: Path, files: list[str], path: str, kind: str) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    found = place.find(tmp_path / path)
    assert found.kind == kind and found.root == tmp_path


def test_what_can_be_neither_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "weights.dat").write_bytes(b"\x80\x05K\x01.")
    (tmp_path / "blue.yml").write_text("endpoint_name: churn\nname: blue\n")
    (tmp_path / "train.py").write_text("")
    for name, said in (
        ("weights.dat", "lmd apply FOLDER --model"),
        ("blue.yml", "lmd import azureml"),
        ("nosuch", "no such file or folder"),
    ):
        with pytest.raises(PathError, match=said):
            place.find(tmp_path / name)
    with pytest.raises(PathError, match=r"has no score.py .*its Python files: train.py"):
        place.require_script(place.find(tmp_path))


def named(path: Path) -> str:
    path.mkdir()
    return beside.deployment_name(place.find(path))


def test_a_deployment_is_called_as_its_folder(tmp_path: Path) -> None:
    assert named(tmp_path / "My_Model v2") == "my-model-v2"
    assert len(named(tmp_path / ("x" * 60))) == 48


def test_digits_at_the_start_of_a_name_are_not_dropped(tmp_path: Path) -> None:
    for year in ("2024_model", "2025_model"):
        with pytest.raises(PathError, match=rf"'{year}' is not a valid deployment name.*--name m-{year[:4]}-model"):
            named(tmp_path / year)


def test_models_are_files_folders_and_addresses(tmp_path: Path) -> None:
    logged = tmp_path / "logged"
    logged.mkdir()
    (logged / "MLmodel").write_text("")
    (tmp_path / "model.pkl").write_bytes(b"\x80\x05K\x01.")
    found = [place.find(path) for path in (tmp_path / "model.pkl", logged, Path("models:/churn@champion"))]
    assert [one.kind for one in found] == ["model"] * 3 and not any(one.has_settings for one in found)
    (logged / "score.py").write_text("")
    assert place.find(logged).kind == "folder"


def test_a_command_to_type_has_its_paths_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "my chürn"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(b"\x80\x05K\x01.")
    with pytest.raises(PathError) as raised:
        place.require_script(Place("folder", folder, "score.py"))
    assert f"lmd init '{folder}' write" in str(raised.value)
    assert str(raised.value).endswith(f"lmd apply '{folder / 'model.pkl'}'")
    (folder / "blue.yml").write_text("endpoint_name: churn\nname: blue\n", "utf-8-sig")
    with pytest.raises(PathError, match=r"lmd import azureml '.*my chürn/blue.yml'"):
        place.find(folder / "blue.yml")


def test_a_folder_that_has_gone_does_not_become_the_one_above(tmp_path: Path) -> None:
    (tmp_path / "churn").mkdir()
    found = place.find(tmp_path / "churn")
    (tmp_path / "churn").rmdir()
    assert found.root == tmp_path / "churn"
