"""What a user is told when the server cannot start."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from support.server.scoring_server_process import BARE_PYTHON, RevisionFile, ScoringServer, eventually, write_script

from localmodel_server.configuration.settings import read_settings
from localmodel_server.workers.worker_process import LoadError, WorkerProcess

GOOD = "def init(): pass\ndef run(raw_data): return 'fine'\n"
HELPER = "def fail():\n    if True:\n        raise ValueError('no')\n"
RUN = "\ndef run(data): ..."
INIT_FAILURES = [
    ("def init():\n    {}['age']" + RUN, "score.py:2: KeyError: 'age'"),
    ("import helper\ndef init():\n    helper.fail()" + RUN, "helper.py:3: ValueError: no"),
    ("import json\ndef init():\n\n    json.loads('')" + RUN, "score.py:4: JSONDecodeError: Expecting value: "),
    ("def init():\n    raise SystemExit(1)" + RUN, "score.py:2: SystemExit: 1"),
    ("async def init():\n    1 / 0" + RUN, "score.py:2: ZeroDivisionError: division by zero"),
    (
        "def init():\n    import not_there" + RUN,
        "score.py:2: ModuleNotFoundError: No module named 'not_there'; add it to the environment's requirements",
    ),
]
IMPORT_FAILURES = [
    ("\n\nx = = 1", "score.py:3: SyntaxError: invalid syntax"),
    ("raise ValueError('first\\nsecond')", "score.py:1: ValueError: first second"),
    ("import helper\nhelper.fail()", "helper.py:3: ValueError: no"),
    (
        "import helper.inner",
        "score.py:1: ModuleNotFoundError: No module named 'helper.inner'; 'helper' is not a package",
    ),
]
INCOMPLETE = [
    ("def init(): ...", "score.py: no function run(raw_data); add one, for example: def run(raw_data): return {}"),
    ("def run(raw_data): ...", "score.py: no function init(); add one, for example: def init(): ..."),
    (
        "def init(): ...\ndef run(): ...",
        "score.py:2: run() needs a parameter for the data",
    ),
    (
        "def init(model): ..." + RUN,
        "score.py:1: init must be callable as init(): missing a required argument: 'model'",
    ),
]


async def load(folder: Path, script: str, **variables: str) -> LoadError:
    """Start a worker process, without an HTTP server, and return why it cannot serve."""
    environment = write_script(folder / "app", script, helper=HELPER)
    environment = {"PATH": os.environ["PATH"], "LOCALMODEL_PYTHON": BARE_PYTHON, **environment, **variables}
    with pytest.raises(LoadError) as failure:
        await WorkerProcess.start(read_settings(environment))
    assert "\n" not in str(failure.value)
    return failure.value


@pytest.mark.parametrize(("script", "expected"), INIT_FAILURES)
async def test_init_fails(tmp_path: Path, script: str, expected: str) -> None:
    error = await load(tmp_path, script)
    assert str(error).startswith(f"init() failed: {expected}")
    assert "Traceback (most recent call last)" in error.traceback
    assert "localmodel_worker" not in error.traceback, "the user sees no frames of ours"


@pytest.mark.parametrize(("script", "expected"), IMPORT_FAILURES)
async def test_the_import_fails(tmp_path: Path, script: str, expected: str) -> None:
    error = await load(tmp_path, script)
    assert str(error) == expected
    assert expected.split(":")[0] in error.traceback
    assert "localmodel_worker" not in error.traceback


@pytest.mark.parametrize(("script", "expected"), INCOMPLETE)
async def test_the_script_is_incomplete(tmp_path: Path, script: str, expected: str) -> None:
    assert str(await load(tmp_path, script)) == expected


async def test_init_ends_the_process(tmp_path: Path) -> None:
    error = await load(tmp_path, "import os\ndef init():\n    os._exit(9)" + RUN)
    assert str(error) == "the worker process died (exit code 9) before init() returned"


async def test_files_that_are_not_there(tmp_path: Path) -> None:
    error = await load(tmp_path, GOOD, AZUREML_ENTRY_SCRIPT="main.py")
    found = f"{tmp_path}/app, which has helper.py, score.py"
    assert str(error) == f"AZUREML_ENTRY_SCRIPT: no file main.py in {found}"
    error = await load(tmp_path, GOOD, AML_APP_ROOT="/not/there")
    assert str(error) == "AML_APP_ROOT: no such folder: /not/there"
    error = await load(tmp_path, GOOD, LOCALMODEL_PYTHON="/not/python")
    assert str(error) == "LOCALMODEL_PYTHON: cannot run /not/python: No such file or directory"


def test_a_failed_first_load_ends_the_server_and_leaves_a_message(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    environment = write_script(tmp_path / "app", "def init():\n    {}['age']" + RUN)
    with ScoringServer(tmp_path, environment | {"LOCALMODEL_TERMINATION_LOG": str(log)}) as server:
        assert server.wait_for_end() == 3
        assert log.read_text() == "init() failed: score.py:2: KeyError: 'age'"
        assert "Traceback (most recent call last)" in server.log


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKER_COUNT", "two"),
        ("WORKER_COUNT", "0"),
        ("SCORING_TIMEOUT_MS", "1.5"),
        ("LOCALMODEL_MAX_REQUEST_BYTES", "-1"),
        ("LOCALMODEL_DRAIN_SECONDS", ""),
    ],
)
def test_a_setting_that_cannot_be_used(tmp_path: Path, name: str, value: str) -> None:
    with ScoringServer(tmp_path, {name: value}) as server:
        assert server.wait_for_end() == 2
        assert f"{name}: " in server.log


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with ScoringServer(tmp_path, write_script(tmp_path, GOOD), "--port", port) as server:
            assert server.wait_for_end() == 1
            assert f"cannot listen on 127.0.0.1 port {port}" in server.log


def test_not_ready_until_init_has_returned(tmp_path: Path) -> None:
    script = (
        "import os, time\ndef init():\n    while not os.path.exists('go'): time.sleep(0.01)\ndef run(data): return 1\n"
    )
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)) as server:
        server.wait_until_listening()
        assert server.get("/livez").status == 200
        for reply in (server.get("/readyz"), server.get("/"), server.score({})):
            assert reply.status == 503
            assert "init() has not returned yet" in reply.message
        assert server.score({}).headers["retry-after"] == "1"
        (tmp_path / "app" / "go").touch()
        server.wait_until_ready()
        assert server.score({}).json == 1


def test_a_first_revision_that_fails_is_healed_by_the_next(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("r1", "import not_there")
    message = "score.py:1: ModuleNotFoundError: No module named 'not_there'; add it to the environment's requirements"
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_listening()
        eventually(lambda: bool(revision.status), server)
        assert revision.status["serving"] is None
        assert revision.status["wanted"] == "r1"
        assert (revision.status["reason"], revision.status["error"]) == ("InitFailed", message)
        assert "ModuleNotFoundError" in revision.status["traceback"]
        for reply in (server.get("/readyz"), server.score({})):
            assert (reply.status, reply.message) == (503, message)
        revision.write("r2", GOOD)
        server.signal_reload()
        server.wait_until_ready("r2")
        assert server.score({}).json == "fine"
        told = {"serving": "r2", "wanted": "r2", "error": None, "reason": None, "traceback": None}
        assert told.items() <= revision.status.items()
