"""What a script's logging and printing writes where."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import localmodel_worker

WORKER = Path(localmodel_worker.__file__).parent.parent
START = """
import os, sys
from pathlib import Path
from localmodel_worker.script_log import user_logging
from localmodel_worker.script.entry_script import LoadError, find_script
try:
    user_logging.set_up(os.environ, find_script(os.environ))
except LoadError as error:
    sys.exit(str(error))
import logging
"""
STDERR = {"class": "logging.StreamHandler", "formatter": "brief"}
CONFIG = {
    "version": 1,
    "formatters": {"brief": {"format": "%(name)s|%(levelname)s|%(message)s"}},
    "handlers": {"console": STDERR},
    "root": {"level": "INFO", "handlers": ["console"]},
}


def run(folder: Path, code: str, config: Any = None, script: str = "score.py", **variables: str) -> tuple[str, str]:
    """What the code writes to stdout and stderr."""
    (folder / script).parent.mkdir(exist_ok=True)
    (folder / script).write_text("")
    if config is not None:
        (folder / "logging.json").write_text(config if isinstance(config, str) else json.dumps(config))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(WORKER), str(folder)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AML_APP_ROOT": str(folder),
        "AZUREML_ENTRY_SCRIPT": script,
        **variables,
    }
    process = subprocess.run(
        [sys.executable, "-c", START + code], env=environment, capture_output=True, text=True, check=False
    )
    return process.stdout, process.stderr


def test_a_line_has_time_level_process_logger_and_message(tmp_path: Path) -> None:
    out, err = run(tmp_path, "logging.getLogger('score').info('got %s', 3); print(os.getpid(), end='')")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z I \[(\d+)\] score - got 3\n", err)
    assert f"[{out}]" in err


def test_the_time_is_utc(tmp_path: Path) -> None:
    code = "logging.getLogger().handle(logging.makeLogRecord({'created': 86399.9996, 'levelno': 20, 'msg': 'x'}))"
    _, err = run(tmp_path, code, TZ="Asia/Tokyo")
    assert err.startswith("1970-01-01T23:59:59.999Z")


def test_a_line_names_the_requests_being_served_whichever_thread_writes_it(tmp_path: Path) -> None:
    code = """
import threading
def say(*ids):
    user_logging.current_request_ids = ids
    thread = threading.Thread(target=logging.warning, args=("x",))
    thread.start()
    thread.join()
say("one"), say("two", "three"), say()
"""
    _, err = run(tmp_path, code)
    assert [line.partition(" - ")[2] for line in err.splitlines()] == ["request one: x", "request two,three: x", "x"]


@pytest.mark.parametrize(
    ("level", "heard"), [(None, "IWE"), ("", "IWE"), ("debug", "DIWE"), ("WARN", "WE"), ("ERROR", "E")]
)
def test_the_level(tmp_path: Path, level: str | None, heard: str) -> None:
    variables = {} if level is None else {"AZUREML_LOG_LEVEL": level}
    code = "for level in ('debug', 'info', 'warning', 'error'): getattr(logging, level)('x')"
    _, err = run(tmp_path, code, **variables)
    assert "".join(line.split()[1] for line in err.splitlines()) == heard


def test_a_level_or_format_that_is_none_is_named(tmp_path: Path) -> None:
    _, err = run(tmp_path, "", AZUREML_LOG_LEVEL="LOUD")
    assert err == "AZUREML_LOG_LEVEL: 'LOUD' is not a level; use DEBUG, INFO, WARNING, ERROR or CRITICAL\n"
    _, err = run(tmp_path, "", LOCALMODEL_LOG_FORMAT="xml")
    assert err == "LOCALMODEL_LOG_FORMAT: 'xml' is not a format; use text or json\n"


def test_lines_of_json(tmp_path: Path) -> None:
    code = """
logging.getLogger("a").info("one\\ntwo é")
user_logging.current_request_ids = ("r1",)
try:
    1 / 0
except ZeroDivisionError:
    logging.exception("bad")
"""
    _, err = run(tmp_path, code, LOCALMODEL_LOG_FORMAT="json")
    first, second = map(json.loads, err.splitlines())
    assert first.pop("time").endswith("Z") and first.pop("process") > 0
    assert first == {"level": "INFO", "logger": "a", "message": "one\ntwo é"}
    assert second["request_id"] == "r1" and "ZeroDivisionError" in second["exception"]


def test_print_stays_as_it_is(tmp_path: Path) -> None:
    out, err = run(tmp_path, "print('a', 'b', sep='-', end='!')")
    assert (out, err) == ("a-b!", "")


def test_a_script_may_configure_logging_itself(tmp_path: Path) -> None:
    _, err = run(tmp_path, "logging.basicConfig(level=logging.DEBUG); logging.debug('x')")
    assert err.endswith("root - x\n") and " D [" in err
    _, err = run(tmp_path, "logging.basicConfig(level=10, format='mine %(message)s'); logging.debug('x')")
    assert err == "mine x\n"


def test_a_logging_json_replaces_everything_and_print_is_logged(tmp_path: Path) -> None:
    code = "logging.info('x'); logging.debug('y'); print('100%', 'done', sep=': '); print('e', file=sys.stderr)"
    out, err = run(tmp_path, code, CONFIG, AZUREML_LOG_LEVEL="ERROR")
    assert (out, err) == ("", "root|INFO|x\nazmlinfsrv.print|INFO|100%: done\ne\n")


def test_print_goes_on_when_no_handler_would_get_it(tmp_path: Path) -> None:
    out, err = run(tmp_path, "print('a', end='')", {"version": 1})
    assert (out, err) == ("a", "")


def test_a_logging_json_beside_the_script_is_second_to_that_of_the_code_folder(tmp_path: Path) -> None:
    beside = {**CONFIG, "formatters": {"brief": {"format": "beside %(message)s"}}}
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "logging.json").write_text(json.dumps(beside))
    _, err = run(tmp_path, "logging.info('x')", script="scripts/score.py")
    assert err == "beside x\n"
    _, err = run(tmp_path, "logging.info('x')", CONFIG, script="scripts/score.py")
    assert err == "root|INFO|x\n"


def test_the_formatter_of_azure_mls_own_file_is_there(tmp_path: Path) -> None:
    formatter = {"class": "azureml_inference_server_http.log_config.AMLLogFormatter"}
    health = {"()": "azureml_inference_server_http.log_config.RootAccessFilter"}
    config = {
        **CONFIG,
        "formatters": {"brief": formatter},
        "filters": {"health": health},
        "handlers": {"console": {**STDERR, "filters": ["health"]}},
    }
    _, err = run(tmp_path, "logging.info('x'); logging.info('\"GET / HTTP/1.1\" 200')", config)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} I \[\d+\] root - x\n", err)


def without(handler: dict[str, Any]) -> dict[str, Any]:
    return {**CONFIG, "handlers": {"console": handler}}


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ('{"version": 1', "logging.json: line 1 column 14: "),
        ("[]", "logging.json: must be a JSON object"),
        ({}, "logging.json: version: must be there and be 1"),
        ({"version": 1, "handlers": []}, "logging.json: handlers: must be a JSON object"),
        ({"version": 1, "loggers": {"a": 5}}, "logging.json: loggers.a: must be a JSON object"),
        (without({}), 'logging.json: handlers.console: needs a "class"'),
        (without({"class": "nope.X"}), "logging.json: handlers.console: Cannot resolve 'nope.X'"),
        (without({**STDERR, "formatter": "f"}), "logging.json: handlers.console: Unable to set formatter 'f'"),
        ({"version": 1, "loggers": {"a": {"handlers": ["h"]}}}, "logging.json: loggers.a: Unable to add handler 'h'"),
        ({"version": 1, "root": {"level": "LOUD"}}, "logging.json: root: Unknown level: 'LOUD'"),
    ],
)
def test_what_is_wrong_with_a_logging_json_is_named(tmp_path: Path, config: Any, problem: str) -> None:
    _, err = run(tmp_path, "", config)
    assert err.startswith(problem) and err.count("\n") == 1
