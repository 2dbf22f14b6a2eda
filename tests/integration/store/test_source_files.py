"""Which files of a folder are the source of a deployment, and which are too many."""

import os
from pathlib import Path

import pytest

from localmodel import UserError
from localmodel.disk import folder, ignore_file
from localmodel.disk.executable import Executable
from localmodel.project import definition
from localmodel.project.folder import source
from localmodel.updates import revision


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def files(place: Path, entry: str = "score.py", models: tuple[Path, ...] = ()) -> dict[str, bytes]:
    return dict(source.read(place, entry, models).files)


def notes(place: Path, models: tuple[Path, ...] = ()) -> list[str]:
    return list(source.read(place, "score.py", models).notes)


def test_every_file_of_the_folder_belongs_to_it(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "pkg/helper.py", "labels.json", "no suffix", "ünï/code.py")
    assert files(tmp_path) == {
        name: name.encode() for name in ("score.py", "pkg/helper.py", "labels.json", "no suffix", "ünï/code.py")
    }
    assert notes(tmp_path) == []


def test_a_script_stands_for_the_modules_of_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "pkg/helper.py", "labels.json", "train.csv")
    (tmp_path / "gone.csv").symlink_to("nowhere")
    (tmp_path / "private").mkdir(mode=0)
    assert sorted(files(tmp_path / "score.py")) == ["pkg/helper.py", "score.py"]
    said = notes(tmp_path / "score.py")
    (tmp_path / "private").chmod(0o700)
    assert "gone.csv, labels.json, train.csv (beside the modules, *.py)" in said[0]


def test_what_tools_leave_behind_is_left_out_and_told_once(tmp_path: Path) -> None:
    write(tmp_path, "score.py", ".git/config", "__pycache__/score.pyc", "pkg/__pycache__/x.pyc", "node_modules/x.js")
    write(tmp_path, "venv/pyvenv.cfg", "venv/lib/x.py", "conda/conda-meta/history", "conda/lib/x.py")
    write(tmp_path, "made/CACHEDIR.TAG", "made/large.bin")
    assert list(files(tmp_path)) == ["score.py"]
    assert notes(tmp_path) == ["left out of the code: .git, __pycache__, conda, made, node_modules, venv"]


def test_where_lmd_keeps_what_it_has_is_no_part_of_a_folder_that_it_lies_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALMODEL_HOME", str(tmp_path / "mine"))
    write(tmp_path, "score.py", "mine/store/blob")
    assert list(files(tmp_path)) == ["score.py"]


def test_hidden_files_belong_to_it_and_are_told(tmp_path: Path) -> None:
    write(tmp_path, "score.py", ".env", ".streamlit/config.toml", "pkg/.names")
    assert sorted(files(tmp_path)) == [".env", ".streamlit/config.toml", "pkg/.names", "score.py"]
    assert notes(tmp_path) == ["hidden files are part of the code: .env, .streamlit, pkg/.names"]


def test_the_folder_itself_may_have_any_name(tmp_path: Path) -> None:
    write(tmp_path / ".hidden", "score.py")
    assert list(files(tmp_path / ".hidden")) == ["score.py"]


def test_links_to_files_and_to_folders_are_followed(tmp_path: Path) -> None:
    write(tmp_path, "code/score.py", "shared/helper.py", "libs/mylib/core.py")
    (tmp_path / "code/helper.py").symlink_to(tmp_path / "shared/helper.py")
    (tmp_path / "code/mylib").symlink_to("../libs/mylib")
    (tmp_path / "code/again").symlink_to("mylib")
    assert files(tmp_path / "code") == {
        "again/core.py": b"libs/mylib/core.py",
        "helper.py": b"shared/helper.py",
        "mylib/core.py": b"libs/mylib/core.py",
        "score.py": b"code/score.py",
    }
    assert "mylib/core.py" in files(tmp_path / "code/score.py")


def test_the_entry_script_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "code/README", "shared/score.py")
    (tmp_path / "code/score.py").symlink_to("../shared/score.py")
    place, entry = source.locate("score.py", tmp_path / "code")
    assert (entry, files(place, entry)["score.py"]) == ("score.py", b"shared/score.py")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("nowhere", r"data: a link to nowhere, where there is nothing"),
        (".", r"data: a link to a folder that it lies in"),
        ("data", r"data: cannot be read: "),
    ],
)
def test_a_link_that_cannot_be_followed_is_named(tmp_path: Path, target: str, said: str) -> None:
    write(tmp_path, "score.py")
    (tmp_path / "data").symlink_to(target)
    with pytest.raises(UserError, match=said) as caught:
        files(tmp_path)
    assert caught.value.reason == "SourceInvalid"
    write(tmp_path, ".lmdignore")
    (tmp_path / ".lmdignore").write_text("/data")
    assert list(files(tmp_path)) == ["score.py"], "the way out that the message names"


def test_links_that_make_many_folders_of_few_come_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_MOST_FOLDERS", 100)
    write(tmp_path, "code/score.py", "0/x")
    for number in range(20):
        (tmp_path / f"{number + 1}").mkdir()
        for side in "ab":
            (tmp_path / f"{number + 1}/{side}").symlink_to(f"../{number}")
    (tmp_path / "code/all").symlink_to("../20")
    with pytest.raises(UserError, match="more than 100 folders"):
        files(tmp_path / "code")


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    write(tmp_path, "score.py", "locked/x.py")
    (tmp_path / "locked").chmod(0)
    try:
        with pytest.raises(UserError, match="locked: cannot be read: Permission denied"):
            files(tmp_path)
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_what_is_no_file_is_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path, "score.py")
    os.mkfifo(tmp_path / "pipe")
    assert list(files(tmp_path)) == ["score.py"]
    assert notes(tmp_path) == ["left out of the code: pipe (neither files nor folders)"]


def test_what_can_be_executed_stays_so(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "bin/tagger")
    plain = revision.code_digest("score.py", files(tmp_path))
    (tmp_path / "bin/tagger").chmod(0o700)
    found = files(tmp_path)
    assert [name for name, content in found.items() if isinstance(content, Executable)] == ["bin/tagger"]
    assert revision.code_digest("score.py", found) != plain


@pytest.mark.parametrize(
    ("ignoring", "left"),
    [
        ({".gitignore": "*.csv\n!keep.csv\n# no\n"}, ["data/b.txt", "keep.csv", "score.py"]),
        ({".gitignore": "*.csv", ".amlignore": "/data/\n"}, ["a.csv", "keep.csv", "score.py"]),
        ({".amlignore": "data", ".lmdignore": "\ufeffkeep.csv\r\na.csv\r\n"}, ["data/b.txt", "score.py"]),
        ({".lmdignore": "", ".gitignore": "*"}, ["a.csv", "data/b.txt", "keep.csv", "score.py"]),
        ({".gitignore": "!\n\\\na\\\n!\\\n[z-a]\n*.csv\n"}, ["data/b.txt", "score.py"]),
    ],
    ids=["git's", "Azure ML's before git's", "ours before all", "ours, empty", "lines that are no patterns"],
)
def test_what_the_folders_own_file_names_is_left_out(tmp_path: Path, ignoring: dict[str, str], left: list[str]) -> None:
    write(tmp_path, "score.py", "a.csv", "keep.csv", "data/b.txt")
    for name, text in ignoring.items():
        (tmp_path / name).write_text(text)
    assert sorted(files(tmp_path)) == left


def test_which_file_leaves_a_path_out_that_is_there(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "helper.py", "data/b.txt")
    assert ignore_file.leaves_out(tmp_path, "helper.py") == ""
    (tmp_path / ".gitignore").write_text("helper.py\nother.py\ndata/\n")
    asked = ["helper.py", "data/", "data/b.txt", "score.py", "other.py", "data/other.txt", "x" * 5000]
    assert [ignore_file.leaves_out(tmp_path, path) for path in asked] == [".gitignore"] * 3 + [""] * 4


def test_the_file_that_leaves_something_out_is_told(tmp_path: Path) -> None:
    write(
        tmp_path, "score.py", *(f"data/{number}.bin" for number in range(9)), *(f"{number}.csv" for number in range(9))
    )
    (tmp_path / ".amlignore").write_text("data\n*.csv\n")
    assert notes(tmp_path) == [
        "left out of the code: .amlignore; 0.csv, 1.csv, 2.csv, 3.csv, 4.csv, 5.csv and 4 more (by .amlignore)"
    ]
    (tmp_path / ".lmdignore").write_text("*.py")
    with pytest.raises(UserError, match=r"score\.py: the entry script is left out of the code by \.lmdignore"):
        files(tmp_path)
    (tmp_path / ".lmdignore").write_bytes(b"\xff")
    with pytest.raises(UserError, match=r"\.lmdignore: not text in UTF-8"):
        files(tmp_path)


def test_what_is_given_as_a_model_is_no_code(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "model.pkl", "weights/a.bin", "other.pkl")
    models = (tmp_path / "model.pkl", tmp_path / "weights")
    assert sorted(files(tmp_path, models=models)) == ["other.pkl", "score.py"]
    assert notes(tmp_path, models) == ["left out of the code: model.pkl, weights (given as models)"]
    assert len(files(tmp_path, models=(tmp_path,))) == 4, "the folder itself, with the script in it, is both"


def test_a_name_that_no_other_system_could_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "score.py", "bad\nname")
    with pytest.raises(UserError, match=r"'bad\\nname'"):
        files(tmp_path)


def test_too_much_is_refused_with_the_largest_file(tmp_path: Path) -> None:
    write(tmp_path, "score.py")
    for name, size in (("data/train.csv", 40), ("data/test.csv", 30)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with (tmp_path / name).open("wb") as file:
            file.truncate(size << 20)
    message = r"70 MiB of code, and at most 64 MiB are kept; the largest file is data/train\.csv \(40 MiB\)"
    with pytest.raises(UserError, match=message) as caught:
        files(tmp_path)
    assert caught.value.reason == "SourceTooLarge"
    assert list(files(tmp_path / "score.py")) == ["score.py"]


def test_a_folder_that_is_no_source_folder_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_MOST_FILES", 3)
    write(tmp_path, *(f"{number}.py" for number in range(5)))
    with pytest.raises(UserError, match="more than 3 files; is this the source folder"):
        files(tmp_path)


def test_a_script_is_found_in_its_folder_or_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "code/pkg/score.py")
    assert source.locate("code/pkg/score.py", None) == (tmp_path / "code/pkg/score.py", "score.py")
    assert source.locate("pkg/score.py", "code") == (tmp_path / "code", "pkg/score.py")
    assert source.locate(tmp_path / "code/pkg/score.py", "code") == (tmp_path / "code", "pkg/score.py")


@pytest.mark.parametrize("name", ["my score.py", "scöre.py", "a:b/score.py"])
def test_a_script_whose_name_no_deployment_can_have_is_refused_in_words(tmp_path: Path, name: str) -> None:
    write(tmp_path, name)
    with pytest.raises(UserError, match=r"cannot be the path of an entry script: .*; rename it") as caught:
        source.locate(name, tmp_path)
    assert caught.value.reason == "EntryScriptInvalid" and "^" not in str(caught.value)


@pytest.mark.parametrize("script", ["nosuch.py", "../outside.py"])
def test_a_script_that_is_not_in_the_folder_is_refused(tmp_path: Path, script: str) -> None:
    write(tmp_path, "code/pkg/score.py", "outside.py")
    with pytest.raises(UserError, match="no such file in the source folder"):
        source.locate(script, tmp_path / "code")


def test_a_folder_in_place_of_a_script_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "code/pkg/score.py")
    monkeypatch.chdir(tmp_path / "code")
    for script, root, example in ((".", None, "score.py"), ("pkg", tmp_path / "code", "pkg/score.py")):
        with pytest.raises(UserError, match=f"is a folder; name the entry script in it, such as {example}$"):
            source.locate(script, root)


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
