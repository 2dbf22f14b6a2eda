"""lmd try: what a user sees of a script that runs without a server."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.lmd_command import LMD, Lmd, Result, script

DOUBLES = """
import json, os, sys

def init():
    print("init is here")

def run(raw_data):
    data = json.loads(raw_data)
    return {"double": data["x"] * 2, "python": sys.executable, "level": os.environ.get("LEVEL")}
"""
ASKS = """
import json

def init():
    pass

def run(raw_data):
    data = json.loads(raw_data)
    breakpoint()
    return data
"""
READS_MODEL = """
import os
from pathlib import Path

def init():
    global found
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    paths = [Path(at, name) for at, _, names in os.walk(folder, followlinks=True) for name in names]
    found = {str(path.relative_to(folder)): path.read_text() for path in paths}

def run(raw_data):
    return found
"""


@pytest.fixture
def score(lmd: Lmd) -> Path:
    """A script in a folder without a manifest."""
    path = lmd.folder / "code" / "score.py"
    path.parent.mkdir()
    path.write_text(DOUBLES)
    return path


def attempt(lmd: Lmd, *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: str = "") -> Result:
    """Run lmd try; other than with lmd itself, the user's traceback is welcome."""
    result = subprocess.run(
        [LMD, "try", *map(str, arguments)],
        env={**os.environ, "LOCALMODEL_HOME": str(lmd.home), **(env or {})},
        cwd=lmd.folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "localmodel/" not in result.stderr, "only the user's own frames are shown"
    return Result(result.returncode, result.stdout, result.stderr)


def report(result: Result) -> dict[str, object]:
    content: dict[str, object] = json.loads(result.out)
    return content


def test_answers_alone_go_to_standard_output(lmd: Lmd, score: Path) -> None:
    score.write_text(script("json.loads(raw_data)['x'] * 2").replace("pass", "print('init is here')"))
    (lmd.folder / "one.json").write_text('{"x": 1}')
    result = attempt(lmd, score, "one.json", "-", "--data", '{"x": 3}', stdin='{"x": 2}')
    assert (result.code, result.out) == (0, "2\n4\n6\n")
    assert "init is here" in result.err and "import and init(): 0." in result.err
    assert "request 3: status 200, run() took" in result.err


def test_a_file_beside_the_script_that_the_deployment_does_not_have_is_told(lmd: Lmd) -> None:
    manifest = lmd.manifest("", scoring={"entryScript": "score.py", "source": {"configMap": {"name": "code"}}})
    (lmd.folder / "kustomization.yaml").write_text(
        f"resources: [{manifest.name}]\nconfigMapGenerator: [{{name: code, files: [score.py]}}]\n"
    )
    (lmd.folder / "score.py").write_text("import cleaning\n" + script("1"))
    (lmd.folder / "cleaning.py").write_text("")
    error = attempt(lmd, "-k", lmd.folder).err
    assert "score.py:1 imports cleaning: cleaning.py lies beside it but is not in kustomization.yaml's files" in error


def test_without_a_request_init_runs(lmd: Lmd, score: Path) -> None:
    result = attempt(lmd, score)
    assert (result.code, result.out) == (0, "")
    assert "init is here" in result.err


def test_the_traceback_of_init_is_shown_whole(lmd: Lmd, score: Path) -> None:
    (score.parent / "features.py").write_text("def age(row):\n    return row['age']\n")
    score.write_text(f"import features\n{DOUBLES}".replace('print("init is here")', "features.age({})"))
    result = attempt(lmd, score, "--data", "1")
    assert result.code == 1
    assert 'score.py", line 6, in init' in result.err and "return row['age']" in result.err
    assert result.err.endswith("error: init() failed: features.py:2: KeyError: 'age'\n")
    told = report(attempt(lmd, score, "--data", "1", "-o", "json"))
    assert told["error"] == "init() failed: features.py:2: KeyError: 'age'"
    assert "in init" in str(told["traceback"])


def test_a_request_that_fails_shows_its_traceback_and_the_next_one_is_asked(lmd: Lmd, score: Path) -> None:
    result = attempt(lmd, score, "--data", '{"y": 1}', "--data", '{"x": 1}')
    assert result.code == 1
    assert 'data["x"] * 2' in result.err and "KeyError: 'x'" in result.err
    first, second = result.out.splitlines()
    assert list(json.loads(first)) == ["message"] and json.loads(second)["double"] == 2
    assert result.err.endswith("error: 1 of 2 requests failed\n")


def test_a_script_that_ends_the_process_is_told(lmd: Lmd, score: Path) -> None:
    score.write_text("import os\ndef init(): ...\ndef run(raw_data): os._exit(7)\n")
    result = attempt(lmd, score, "--data", "{}")
    assert result.code == 1
    assert result.err.endswith("error: the worker process died (exit code 7)\n")


def test_the_manifest_beside_gives_environment_and_variables(lmd: Lmd) -> None:
    lmd.manifest(DOUBLES, env=[{"name": "LEVEL", "value": "high"}]).rename(lmd.folder / "deployment.yaml")
    score = lmd.folder / "score.py"
    score.write_text(DOUBLES)
    for arguments in (["score.py"], [], ["-f", "deployment.yaml"]):
        result = attempt(lmd, *arguments, "--data", '{"x": 4}', "-o", "json", env={"STRAY": "1"})
        assert result.code == 0, result.err
        (answer,) = report(result)["answers"]  # type: ignore[misc]
        assert answer["status"] == 200
        assert (answer["body"]["double"], answer["body"]["level"]) == (8, "high")
        assert str(lmd.home / "environments") in answer["body"]["python"]
    score.write_text(DOUBLES.replace("* 2", "* 3"))
    assert '"double": 12' in attempt(lmd, "score.py", "--data", '{"x": 4}').out, "the file is tried, not the manifest's"


def test_variables_that_the_manifest_does_not_give_are_missing(lmd: Lmd) -> None:
    lmd.manifest(script("__import__('os').environ['SECRET']")).rename(lmd.folder / "deployment.yaml")
    result = attempt(lmd, "--data", "{}", env={"SECRET": "1"})
    assert result.code == 1 and "KeyError: 'SECRET'" in result.err


def test_a_sibling_that_the_manifest_forgets_is_missing_here_too(lmd: Lmd) -> None:
    code = f"import features\n{DOUBLES}"
    (lmd.folder / "features.py").write_text("")
    (lmd.folder / "score.py").write_text(code)
    lmd.manifest(code).rename(lmd.folder / "deployment.yaml")
    result = attempt(lmd, "score.py")
    assert result.code == 1 and "ModuleNotFoundError: No module named 'features'" in result.err


def test_requirements_are_installed_and_wrong_ones_named(lmd: Lmd, score: Path) -> None:
    requirements = lmd.folder / "requirements.txt"
    requirements.write_text("# what it takes\nsix==1.17.0  # small\n\n")
    score.write_text("import six\ndef init(): ...\ndef run(raw_data): return six.__version__\n")
    result = attempt(lmd, score, "--requirements", requirements, "--data", "{}")
    assert (result.code, result.out) == (0, '"1.17.0"\n'), result.err
    requirements.write_text("-r other.txt\n")
    result = attempt(lmd, score, "--requirements", requirements)
    assert result.code == 1 and "other.txt" in result.err and str(requirements) in result.err


def test_an_interpreter_is_used_as_it_is(lmd: Lmd, score: Path) -> None:
    result = attempt(lmd, score, "--python", sys.executable, "--data", '{"x": 1}')
    assert json.loads(result.out)["python"] == sys.executable
    result = attempt(lmd, score, "--python", "no-such-python")
    assert result.code == 1 and "error: --python no-such-python: no such interpreter" in result.err


def test_models_are_registered_ones_or_files(lmd: Lmd, score: Path) -> None:
    score.write_text(READS_MODEL)
    weights = lmd.folder / "weights.txt"
    for text in ("one", "two"):
        weights.write_text(text)
        assert lmd("model", "register", weights, "--name", "digits").code == 0
    weights.write_text("three")

    def found(*models: str) -> object:
        arguments = [part for model in models for part in ("--model", model)]
        result = attempt(lmd, score, *arguments, "--data", "{}")
        assert result.code == 0, result.err
        return json.loads(result.out)

    assert found("digits") == {"weights.txt": "two"}
    assert found("digits:1") == {"weights.txt": "one"}
    assert found(str(weights)) == {"weights.txt": "three"}
    assert found("digits:1", str(weights)) == {"digits/1/weights.txt": "one", "code/0/weights.txt": "three"}
    assert "digits has no version 9" in attempt(lmd, score, "--model", "digits:9").err
    assert "./gone.pkl: no such file or folder" in attempt(lmd, score, "--model", "./gone.pkl").err


def test_the_models_folder_is_there_without_models_as_in_a_deployment(lmd: Lmd, score: Path) -> None:
    score.write_text(
        "import os\ndef init(): ...\ndef run(raw_data): return os.listdir(os.environ['AZUREML_MODEL_DIR'])\n"
    )
    assert attempt(lmd, score, "--data", "{}").out == "[]\n"
    own = attempt(lmd, score, "--data", "{}", env={"AZUREML_MODEL_DIR": str(score.parent)})
    assert own.out == '["score.py"]\n', "the shell's variables stand"


def test_a_folder_that_apply_refuses_is_tried_where_it_lies(lmd: Lmd, score: Path) -> None:
    score.write_text("import os\ndef init(): ...\ndef run(raw_data): return sorted(os.listdir())\n")
    (score.parent / ".gitignore").write_text("*.bin")
    (score.parent / "x.bin").write_text("")
    assert json.loads(attempt(lmd, score, "--data", "{}").out) == ["azureml-models", "score.py"]
    (score.parent / "gone").symlink_to("nowhere")
    result = attempt(lmd, score, "--data", "{}")
    assert set(json.loads(result.out)) >= {"score.py", "x.bin", "gone"}
    assert "tried in place, although lmd apply refuses the folder: " in result.err and "gone: a link to" in result.err


def test_breakpoint_has_the_terminal(lmd: Lmd, score: Path) -> None:
    score.write_text(ASKS)
    ours, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [LMD, "try", score, "--data", '{"x": 42}'],
            stdin=terminal,
            stderr=terminal,
            stdout=subprocess.PIPE,
            env={**os.environ, "LOCALMODEL_HOME": str(lmd.home)},
        )
        seen = read_until("(Pdb)", ours)
        os.write(ours, b"p data['x'] + 1\n")
        read_until("43", ours)
        os.write(ours, b"c\n")
        out, _ = process.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(terminal)
    assert (process.returncode, out) == (0, b'{"x": 42}\n')
    assert "score.py(10)run()" in seen or "score.py(9)run()" in seen


def read_until(text: str, terminal: int) -> str:
    seen = ""
    while text not in seen:
        readable, _, _ = select.select([terminal], [], [], 60)
        assert readable, seen
        seen += os.read(terminal, 4096).decode()
    return seen


def test_nothing_to_try_is_told(lmd: Lmd) -> None:
    result = attempt(lmd, "gone.py")
    assert (result.code, result.err) == (1, "error: gone.py: no such file\n")
    result = attempt(lmd)
    assert result.code == 1 and "name a script, or run this in a folder that has one, or a manifest" in result.err
    result = attempt(lmd, "request.jsn")
    assert result.code == 1 and "request.jsn: no such file" in result.err


def test_its_files_go_when_it_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lmd, temporary = Lmd(tmp_path), tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    init = 'def init():\n    print("it hangs")\n    time.sleep(600)'
    (tmp_path / "score.py").write_text(f"import time\n\n\n{init}\n\n\ndef run(raw_data):\n    return 1\n")
    with lmd.running("try", "score.py", "--python", sys.executable, "--data", "1") as running:
        running.says("it hangs")
        assert [*temporary.glob("lmd-try-*")]
        running.process.terminate()
        assert running.process.wait(60) == 128 + signal.SIGTERM
    assert [*temporary.glob("lmd-try-*")] == []
