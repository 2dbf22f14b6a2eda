"""lmd env, as a user types it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from support.lmd_command import PYTHON, Lmd, free_port, script
from support.package_index import make_wheel


@pytest.fixture
def wheel_folder(lmd: Lmd) -> Path:
    """The only place that packages come from."""
    wheels = lmd.folder / "wheels"
    make_wheel(wheels, "ours", "1.0")
    (lmd.home / "environments").unlink()  # of other tests, which may have installed the same
    (lmd.home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheels}"]\n')
    return wheels


def conda_file(lmd: Lmd, *lines: str) -> Path:
    path = lmd.folder / "environment.yml"
    path.write_text(f"name: pe\ndependencies:\n- python={PYTHON}\n" + "".join(f"- {line}\n" for line in lines))
    return path


def test_created_shown_built_and_used_again(lmd: Lmd, wheel_folder: Path) -> None:
    path = conda_file(lmd, "ours=1.0=py_0")
    created = lmd("env", "create", "pe", "--conda", path, "--variable", "LOG_LEVEL=info")
    assert (created.code, created.out) == (0, "pe:1\n")
    assert "environment.yml: ours: the build string is left out" in created.err
    again = lmd("env", "create", "pe", "--conda", path, "--variable", "LOG_LEVEL=info")
    assert again.out == "pe:1\n" and "pe:1 is this already" in again.err

    shown = json.loads(lmd("env", "show", "pe", "-o", "json").out)
    assert shown["spec"]["requirements"] == ["ours==1.0"]
    assert shown["variables"] == {"LOG_LEVEL": "info"}
    assert shown["lock"].startswith("ours==1.0 ")
    assert "  ours==1.0\n" in lmd("env", "show", "pe:1").out

    first, again = lmd("env", "build", "pe"), lmd("env", "build", "pe")
    assert " + ours==1.0" in first.err
    assert " + ours==1.0" not in again.err
    assert first.out == again.out
    assert subprocess.check_output([first.out.strip(), "-c", "import ours; print(ours.VERSION)"]) == b"1.0\n"
    assert " + ours==1.0" in next((lmd.home / "build-logs").iterdir()).read_text()


@pytest.mark.parametrize("form", ["conda", "requirements"])
def test_azure_mls_own_server_is_left_out(lmd: Lmd, form: str) -> None:
    path = conda_file(lmd, "numpy", "pip: [azureml-defaults>=1.0.45, azureml_inference_server_http]")
    if form == "requirements":
        path = lmd.folder / "requirements.txt"
        path.write_text("numpy\nazureml-defaults>=1.0.45\nazureml_inference_server_http\n")
    created = lmd("env", "create", "pe", f"--{form}", path, "-o", "json")
    assert json.loads(created.out)["spec"]["requirements"] == ["numpy"]
    assert "azureml-defaults>=1.0.45, azureml_inference_server_http: left out" in created.err


def test_a_new_definition_is_a_new_version(lmd: Lmd) -> None:
    (lmd.folder / "requirements.txt").write_text("six\n")
    assert lmd("env", "create", "pe", "--requirements", "requirements.txt", "--python", "3.10").out == "pe:1\n"
    assert lmd("env", "create", "pe", "--requirements", "requirements.txt", "--python", "3.12").out == "pe:2\n"
    assert lmd("env", "create", "other", "--image", "python:3.9-slim").out == "other:1\n"
    assert lmd("env", "clone", "pe:1", "copy").out == "copy:1\n"
    made = json.loads(lmd("env", "create", "pe", "--requirements", "requirements.txt", "-o", "json").out)
    assert (made["name"], made["version"], made["spec"]["python"]) == ("pe", 3, PYTHON)
    assert lmd("env", "delete", "pe:3").code == 0
    listed = lmd("env", "list", "--latest", "-o", "yaml")
    found = {each["name"]: (each["version"], each["spec"]["python"]) for each in yaml.safe_load(listed.out)}
    assert found == {"pe": (2, "3.12"), "other": (1, "3.9"), "copy": (1, "3.10")}
    assert lmd("env", "delete", "pe:2").code == 0
    assert "pe" in lmd("env", "list", "pe").out
    assert lmd("env", "show", "pe:2").code == 1


def test_saved_loaded_exported_and_imported(lmd: Lmd, wheel_folder: Path) -> None:
    lmd("env", "create", "pe", "--conda", conda_file(lmd, "ours"))
    assert lmd("env", "save", "pe", "saved").code == 0
    assert lmd("env", "save", "pe", "saved").code == 1
    assert lmd("env", "save", "pe", "saved", "--overwrite").code == 0
    again = lmd("env", "load", "saved")
    assert again.out == "pe:1\n" and again.err == "pe:1 is this already\n"
    assert lmd("env", "load", "saved", "--name", "loaded").out == "loaded:1\n"
    assert lmd("env", "export", "pe", "loaded:1", "both.tar").code == 0
    assert lmd("env", "import", "both.tar", "--name", "arrived").out.startswith("arrived:1\n")
    imported = yaml.safe_load(lmd("env", "import", "both.tar", "-o", "yaml").out)
    assert [each["name"] for each in imported] == ["pe", "loaded"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--conda", "bad.yml"), 1, "bad.yml:2: python=3.6.2: this Python is not supported"),
        (("--conda", "cuda.yml"), 1, "cuda.yml:2: cudatoolkit is not a Python package"),
        (("--python", "2.7", "--image", "x"), 1, "Python 2.7 is not supported"),
        ((), 2, "--conda, --requirements, --dockerfile or --image"),
        (("--dockerfile", "Dockerfile", "--image", "x"), 2, "one of --dockerfile and --image"),
        (("--image", "x", "--variable", "A"), 2, "KEY=VALUE"),
    ],
)
def test_what_cannot_be_created(lmd: Lmd, arguments: tuple[str, ...], code: int, words: str) -> None:
    (lmd.folder / "bad.yml").write_text("dependencies:\n- python=3.6.2\n")
    (lmd.folder / "cuda.yml").write_text("dependencies:\n- cudatoolkit=11\n")
    (lmd.folder / "Dockerfile").write_text("FROM python:3.11\n")
    result = lmd("env", "create", "pe", *arguments)
    assert result.code == code
    assert words in result.err
    assert not (lmd.home / "store").exists()


def test_a_deployment_uses_it_by_name(lmd: Lmd, wheel_folder: Path) -> None:
    lmd("env", "create", "pe", "--conda", conda_file(lmd, "ours"), "--variable", "GREETING=hello")
    code = "import os\n\nimport ours\n" + script("[ours.VERSION, os.environ['GREETING']]")
    applied = lmd.apply(code, environment={"ref": {"name": "pe", "version": 1}})
    assert applied.code == 0, applied.err
    assert lmd.ask().body == ["1.0", "hello"]


def test_what_a_folder_asks_for_in_vain_is_told_with_its_line(lmd: Lmd, wheel_folder: Path) -> None:
    (lmd.folder / "app").mkdir()
    (lmd.folder / "app" / "score.py").write_text(script("1"))
    (lmd.folder / "app" / "requirements.txt").write_text("ours\nno_such>=1\n")
    applied = lmd("apply", "app")
    assert applied.code == 1 and "spec.environment" not in applied.err
    assert "error: app/requirements.txt:2: " in applied.err and "no-such" in applied.err


def app(lmd: Lmd, name: str, requirements: str, begin: str = "import ours\n") -> Path:
    folder = lmd.folder / name
    folder.mkdir(exist_ok=True)
    (folder / "score.py").write_text(begin + script("ours.VERSION"))
    (folder / "requirements.txt").write_text(requirements)
    return folder


def test_a_wheel_that_was_built_again_is_served(lmd: Lmd, wheel_folder: Path) -> None:
    port = str(free_port())
    applied = lmd("apply", app(lmd, "app", "ours==1.0\n"), "--port", port)
    assert applied.code == 0 and "requirements: 1 package, locked" in applied.err
    assert lmd("apply", "app", "--port", port).err.endswith("nothing has changed\n")
    for version, command in (("two", ("apply", "app", "--port", port)), ("three", ("reload", "app"))):
        make_wheel(wheel_folder, "ours", "1.0", {"ours.py": f"VERSION = {version!r}\n"})
        result = lmd(*command)
        assert result.code == 0 and lmd("invoke", "app", "--data", "1").out == f'"{version}"\n'
    assert "ours-1.0-py3-none-any.whl: the content differs from the lock; locking again" in result.err


def test_a_deployment_takes_its_versions_from_no_other(lmd: Lmd, wheel_folder: Path) -> None:
    for name in ("b", "c", "d"):
        make_wheel(wheel_folder, name, "1.0")
    make_wheel(wheel_folder, "ours", "2.0")
    first = lmd("apply", app(lmd, "first", "ours==1.0\nb\nc\nd\n", "1 / 0\n"), "--port", str(free_port()))
    assert first.code == 1 and lmd("delete", "first").code == 0
    port = str(free_port())
    assert lmd("apply", app(lmd, "second", "ours\nb\nc\nd\n"), "--port", port).code == 0
    assert lmd("invoke", "second", "--data", "1").out == '"2.0"\n'
    make_wheel(wheel_folder, "ours", "3.0")
    edited = lmd("apply", app(lmd, "second", "ours\nb\nc\n"), "--port", port)
    assert "3 of 3 packages keep their versions; for a newer one, ask for it (name>=version)" in edited.err
    assert lmd("invoke", "second", "--data", "1").out == '"2.0"\n'
