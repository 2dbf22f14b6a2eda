"""Which files of a folder are the source of a deployment, and which are too many."""

import os
from pathlib import Path

import pytest

from localmodel import UserError
from localmodel.sdk import definition


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_every_file_of_the_folder_belongs_to_it(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "pkg/helper.py", "labels.json", "no suffix", "ünï/code.py")
    assert definition.source_files(tmp_path) == {
        name: name.encode() for name in ("score.py", "pkg/helper.py", "labels.json", "no suffix", "ünï/code.py")
    }


def test_a_script_stands_for_the_modules_of_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "pkg/helper.py", "labels.json", "train.csv")
    assert sorted(definition.source_files(tmp_path / "score.py")) == ["pkg/helper.py", "score.py"]


def test_what_tools_leave_behind_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "score.py", ".env", ".git/config", "__pycache__/score.pyc", "node_modules/x.js")
    write(tmp_path, "venv/pyvenv.cfg", "venv/lib/x.py", "conda/conda-meta/history", "conda/lib/x.py")
    assert list(definition.source_files(tmp_path)) == ["score.py"]


def test_the_folder_itself_may_have_any_name(tmp_path: Path) -> None:
    write(tmp_path / ".hidden", "score.py")
    assert list(definition.source_files(tmp_path / ".hidden")) == ["score.py"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    write(tmp_path, "code/score.py", "shared/helper.py")
    (tmp_path / "code/helper.py").symlink_to(tmp_path / "shared/helper.py")
    (tmp_path / "code/loop").symlink_to(tmp_path / "code")
    assert definition.source_files(tmp_path / "code") == {
        "score.py": b"code/score.py",
        "helper.py": b"shared/helper.py",
    }


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    write(tmp_path, "score.py")
    (tmp_path / "data").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"data: cannot be read: No such file") as caught:
        definition.source_files(tmp_path)
    assert caught.value.reason == "SourceInvalid"


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "score.py")
    os.mkfifo(tmp_path / "pipe")
    assert list(definition.source_files(tmp_path)) == ["score.py"]


def test_a_name_that_no_other_system_could_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "bad\nname")
    with pytest.raises(UserError, match=r"'bad\\nname'"):
        definition.source_files(tmp_path)


def test_too_much_is_refused_with_the_largest_file(tmp_path: Path) -> None:
    write(tmp_path, "score.py")
    for name, size in (("data/train.csv", 40), ("data/test.csv", 30)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with (tmp_path / name).open("wb") as file:
            file.truncate(size << 20)
    message = r"70 MiB of code, and at most 64 MiB are kept; the largest file is data/train\.csv \(40 MiB\)"
    with pytest.raises(UserError, match=message) as caught:
        definition.source_files(tmp_path)
    assert caught.value.reason == "SourceTooLarge"
    assert list(definition.source_files(tmp_path / "score.py")) == ["score.py"]


def test_a_folder_that_is_no_source_folder_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition, "_MOST_FILES", 3)
    write(tmp_path, *(f"{number}.py" for number in range(5)))
    with pytest.raises(UserError, match="more than 3 files; is this the source folder"):
        definition.source_files(tmp_path)


def test_a_script_is_found_in_its_folder_or_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "code/pkg/score.py")
    assert definition.locate("code/pkg/score.py", None) == (tmp_path / "code/pkg/score.py", "score.py")
    assert definition.locate("pkg/score.py", "code") == (tmp_path / "code", "pkg/score.py")
    assert definition.locate(tmp_path / "code/pkg/score.py", "code") == (tmp_path / "code", "pkg/score.py")


@pytest.mark.parametrize("script", ["nosuch.py", "../outside.py", "pkg"])
def test_a_script_that_is_not_in_the_folder_is_refused(tmp_path: Path, script: str) -> None:
    write(tmp_path, "code/pkg/score.py", "outside.py")
    with pytest.raises(UserError, match="no such file in the source folder"):
        definition.locate(script, tmp_path / "code")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("model.pkl", "model"),
        ("My Model (2).pkl", "My-Model-2"),
        ("_x.onnx", "x"),
        ("größe.bin", "gr-e"),
        ("日本.h5", "model"),
    ],
)
def test_a_models_own_name_is_cleaned(tmp_path: Path, path: str, name: str) -> None:
    write(tmp_path, path)
    assert definition.model_name(tmp_path / path) == name


def test_a_folders_name_is_whole(tmp_path: Path) -> None:
    write(tmp_path, "resnet.v2/weights.bin")
    assert definition.model_name(tmp_path / "resnet.v2") == "resnet.v2"
