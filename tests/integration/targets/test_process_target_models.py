"""Models reach the script where Azure ML would put them."""

import re
from pathlib import Path

from support.lmd_command import Lmd, script

LISTING = script(
    "sorted(str(p.relative_to(m)) for m in [__import__('pathlib').Path(__import__('os').environ"
    "['AZUREML_MODEL_DIR'])] for p in m.glob('**/*') if p.is_file())"
)
# glob does not follow links to folders, and with several models each version is one
DEEP_LISTING = """
import os
from pathlib import Path

def init():
    pass

def run(raw_data):
    root = Path(os.environ["AZUREML_MODEL_DIR"])
    return sorted(
        str(Path(folder, name).relative_to(root))
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
    )
"""


def register(lmd: Lmd, name: str, content: str) -> str:
    path = lmd.folder / f"{name}.pkl"
    path.write_text(content)
    result = lmd("model", "register", path, "--name", name)
    assert result.code == 0, result.err
    return result.out.strip()


def test_with_one_model_the_folder_is_its_version(lmd: Lmd) -> None:
    assert register(lmd, "a", "one") == "a:1"
    assert lmd.apply(LISTING, models=[{"name": "a", "version": 1}]).code == 0
    assert lmd.ask().body == ["a.pkl"]


def test_with_several_models_the_folder_holds_all(lmd: Lmd) -> None:
    register(lmd, "a", "one")
    register(lmd, "b", "two")
    assert register(lmd, "b", "three") == "b:2"
    lmd.apply(DEEP_LISTING, models=[{"name": "a", "version": 1}, {"name": "b", "version": 2}])
    assert lmd.ask().body == ["a/1/a.pkl", "b/2/b.pkl"]


def test_the_server_knows_what_it_serves(lmd: Lmd) -> None:
    register(lmd, "a", "one")
    register(lmd, "b", "two")
    code = script("[__import__('os').environ[name] for name in ('LOCALMODEL_MODEL_NAME', 'LOCALMODEL_MODEL')]")
    lmd.apply(code, models=[{"name": "a", "version": 1}, {"name": "b", "version": 1}])
    name, models = lmd.ask().body
    assert name == "digits"
    assert re.fullmatch("a:1@sha256:[0-9a-f]{64},b:1@sha256:[0-9a-f]{64}", models)


def test_without_a_model_the_folder_is_empty(lmd: Lmd) -> None:
    lmd.apply(DEEP_LISTING)
    assert lmd.ask().body == []


def test_a_folder_keeps_its_name(lmd: Lmd) -> None:
    folder = lmd.folder / "saved_model"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "weights.bin").write_bytes(b"\x00\x01")
    assert lmd("model", "register", folder, "--name", "net").out == "net:1\n"
    lmd.apply(DEEP_LISTING, models=[{"name": "net", "version": 1}])
    assert lmd.ask().body == ["saved_model/parts/weights.bin"]


def test_another_version_is_an_edit(lmd: Lmd) -> None:
    code = script("open(__import__('os').environ['AZUREML_MODEL_DIR'] + '/a.pkl').read()")
    register(lmd, "a", "one")
    register(lmd, "a", "two")
    lmd.apply(code, models=[{"name": "a", "version": 1}])
    assert lmd.ask().body == "one"
    lmd.apply(code, models=[{"name": "a", "version": 2}])
    assert lmd.ask() == (200, "two", 2)


def test_a_registered_model_outlives_the_file_it_came_from(lmd: Lmd) -> None:
    register(lmd, "a", "one")
    Path(lmd.folder / "a.pkl").unlink()
    assert lmd.apply(LISTING, models=[{"name": "a", "version": 1}]).code == 0
