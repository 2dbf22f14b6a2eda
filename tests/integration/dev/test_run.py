"""lmd run: a script in an environment, as if it had been started there by hand."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.lmd_command import LMD, PYTHON, Lmd

from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import Store

TELLS = """
import json, os, sys
where = {name: os.environ.get(name) for name in ("VIRTUAL_ENV", "LEVEL")}
print(json.dumps({"python": sys.executable, "arguments": sys.argv, "folder": os.getcwd(), **where}))
print("to standard error", file=sys.stderr)
sys.exit(7)
"""
WAITS = """
import time
try:
    print("started")
    time.sleep(60)
except KeyboardInterrupt:
    print("stopped")
    raise SystemExit(3)
"""
SIX = "import six; print(six.__version__)\n"


@pytest.fixture
def train(lmd: Lmd) -> Path:
    path = lmd.folder / "code" / "train.py"
    path.parent.mkdir()
    path.write_text(TELLS)
    return path


def test_the_script_has_its_arguments_streams_folder_and_exit_code(lmd: Lmd, train: Path) -> None:
    result = lmd("run", "code/train.py", "--alpha", "0.5", "-f", "x", "--", "-h")
    told = json.loads(result.out)
    assert result.code == 7
    assert told["arguments"] == ["code/train.py", "--alpha", "0.5", "-f", "x", "--", "-h"]
    assert told["folder"] == str(lmd.folder) and "to standard error\n" in result.err


def test_without_an_environment_it_is_the_active_one(lmd: Lmd, train: Path) -> None:
    active = lmd.folder / "active"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", active], check=True)
    told = json.loads(lmd("run", train, env={"VIRTUAL_ENV": str(active)}).out)
    assert told["python"] == str(active / "bin" / "python") and told["VIRTUAL_ENV"] == str(active)
    assert json.loads(lmd("run", train, env={"VIRTUAL_ENV": ""}).out)["python"] == sys.executable


def test_the_manifest_beside_gives_the_environment(lmd: Lmd, train: Path) -> None:
    lmd.manifest("", environment={"python": PYTHON, "requirements": ["six==1.16.0"]}).rename(
        train.parent / "deployment.yaml"
    )
    train.write_text(SIX + TELLS)
    result = lmd("run", train)
    version, told = result.out.splitlines()
    assert version == "1.16.0" and str(lmd.home / "environments") in json.loads(told)["VIRTUAL_ENV"]
    other = lmd.manifest("", "other", environment={"python": PYTHON, "requirements": ["six==1.17.0"]})
    assert lmd("run", "-f", other, train).out.startswith("1.17.0\n"), "the named one comes first"


def test_environments_of_files_and_of_the_store(lmd: Lmd, train: Path) -> None:
    train.write_text(SIX + TELLS)
    requirements = lmd.folder / "requirements.txt"
    requirements.write_text("six==1.17.0\n")
    assert lmd("run", "--requirements", requirements, train).out.startswith("1.17.0\n")
    conda = lmd.folder / "conda.yml"
    conda.write_text(f"dependencies:\n- python={PYTHON}\n- pip:\n  - six==1.16.0\nvariables:\n  LEVEL: low\n")
    assert lmd("run", "--conda", conda, train).out.startswith("1.16.0\n")
    store = Store(lmd.home / "store")
    store.environments.register("small", EnvironmentSpec(PYTHON, ("six==1.16.0",)), {"LEVEL": "high"})
    store.environments.register("small", EnvironmentSpec(PYTHON, ("six==1.17.0",)))
    version, told = lmd("run", "--env", "small:1", train).out.splitlines()
    assert version == "1.16.0" and json.loads(told)["LEVEL"] == "high"
    assert lmd("run", "--env", "small", train).out.startswith("1.17.0\n")
    result = lmd("run", "--env", "large", train)
    assert result.code == 1 and "large" in result.err and result.out == ""
    result = lmd("run", "--env", "small", "--conda", conda, train)
    assert result.code == 2 and "give one of --env, --requirements, --conda, -f and -k" in result.err


def test_a_line_is_seen_when_it_is_printed_and_ctrl_c_is_the_scripts(lmd: Lmd, train: Path) -> None:
    train.write_text(WAITS)
    with subprocess.Popen(
        [LMD, "run", train],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LOCALMODEL_HOME": str(lmd.home)},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "stopped\n"
        assert process.wait(60) == 3


def test_the_script_has_the_terminal(lmd: Lmd, train: Path) -> None:
    train.write_text("import sys\nprint(sys.stdin.isatty(), sys.stdout.isatty(), input('name? '))\n")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "LOCALMODEL_HOME": str(lmd.home)}
    with subprocess.Popen([LMD, "run", train], stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        read_until("name? ", ours)
        os.write(ours, b"digits\n")
        read_until("True True digits", ours)
        assert process.wait(60) == 0
    os.close(ours)


def read_until(text: str, terminal: int) -> None:
    seen = ""
    while text not in seen:
        readable, _, _ = select.select([terminal], [], [], 60)
        assert readable, seen
        seen += os.read(terminal, 1000).decode()


def test_what_cannot_run_is_said(lmd: Lmd) -> None:
    result = lmd("run", "gone.py")
    assert result.code == 2 and "gone.py" in result.err
