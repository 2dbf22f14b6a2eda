"""The command as a person and as a script meet it."""

import json
import os
import pty
import shutil
import subprocess
from importlib.metadata import EntryPoint

import pytest
from click.testing import CliRunner
from support.lmd_command import LMD, Lmd, script

import localmodel
from localmodel.cli import app


def test_the_version_and_every_command_are_told(lmd: Lmd) -> None:
    assert localmodel.__version__ in lmd("--version").out
    listed = lmd("--help").out
    for command in ("apply", "delete", "doctor", "invoke", "logs", "model", "operator", "status"):
        assert f"\n  {command} " in listed


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["apply"],
        ["apply", "-f", "nosuch.yaml"],
        ["apply", "-f", ".", "-k", "."],
        ["apply", "-k", ".", "--timeout", "0"],
        ["apply", "-k", ".", "--target", "moon"],
        ["apply", "-k", ".", "--context", "kind"],
        ["invoke", "digits", "--data", "1", "--request", "-"],
        ["model", "register", "model.pkl"],
        ["status", "-o", "toml"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_code_2(lmd: Lmd, arguments: list[str]) -> None:
    result = CliRunner().invoke(app.main, arguments)
    assert result.exit_code == 2 and result.stdout == "" and "Usage: " in result.stderr


@pytest.mark.parametrize("command", ["status", "logs", "delete", "invoke"])
def test_a_deployment_that_is_not_there_is_named_with_those_that_are(lmd: Lmd, command: str) -> None:
    options = ["--data", "1"] if command == "invoke" else []
    result = lmd(command, "nosuch", *options)
    assert result.code == 1
    assert result.err == "error: no deployment nosuch runs as a process (there is none)\n"


def test_models_are_registered_and_listed(lmd: Lmd) -> None:
    model = lmd.folder / "model.pkl"
    model.write_text("weights")
    assert lmd("model", "register", model, "--name", "digits").out == "digits:1\n"
    again = lmd("model", "register", model, "--name", "digits")
    assert again.out == "digits:1\n" and again.err.splitlines()[-1] == "digits:1 has this content already"
    value = json.loads(lmd("model", "register", model, "--name", "digits", "-o", "json").out)
    assert (value["name"], value["version"]) == ("digits", 1)
    assert "digits" in lmd("model", "list").out
    (listed,) = json.loads(lmd("model", "list", "-o", "json").out)
    assert (listed["name"], listed["version"]) == ("digits", 1) and listed["digest"].startswith("sha256:")


def test_lists_without_anything_are_empty_and_say_how_to_fill_them(lmd: Lmd) -> None:
    shutil.rmtree(lmd.home)
    for command, do in (("model list", "lmd model register"), ("env list", "lmd env create"), ("status", "lmd apply")):
        text, value = lmd(*command.split()), lmd(*command.split(), "-o", "json")
        assert (text.code, text.out, value.code, json.loads(value.out)) == (0, "", 0, []), text
        assert do in text.err
    assert lmd("store", "verify").code == 0


def test_a_deployment_is_asked_looked_at_and_its_log_read(lmd: Lmd) -> None:
    lmd.apply("def init(): print('hello from init')\ndef run(raw_data): return [raw_data]\n")
    assert lmd("invoke", "digits", "--data", '{"a": 1}').out == '["{\\"a\\": 1}"]\n'
    assert lmd("invoke", "digits", "--request", "-", stdin="from stdin").out == '["from stdin"]\n'
    request = lmd.folder / "request.json"
    request.write_text("[1]")
    answer = json.loads(lmd("invoke", "digits", "--request", request, "-o", "json").out)
    assert (answer["status"], answer["revision"], answer["body"]) == (200, "1", ["[1]"])
    assert lmd("status").out.splitlines()[1].split() == [
        "digits",
        "yes",
        "1",
        "1",
        f"http://localhost:{lmd.port}/score",
    ]
    assert lmd.status() == {
        "name": "digits",
        "ready": True,
        "serving": 1,
        "url": f"http://localhost:{lmd.port}/score",
        "message": "",
        "stalled": False,
        "damaged": False,
        "scoring": "",
        "stopped": False,
        "durable": 1,
        "detail": "",
    }
    assert "hello from init" in lmd("logs", "digits").out


def test_a_proxy_in_the_shell_is_not_asked_for_this_machine(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    proxy = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    assert lmd("invoke", "digits", "--data", "1", env=proxy).out == "1\n"
    assert lmd("status", "digits", env=proxy).code == 0


def test_a_followed_log_grows_and_ends_with_the_deployment(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    environment = {**os.environ, "LOCALMODEL_HOME": str(lmd.home)}
    with subprocess.Popen(
        [LMD, "logs", "digits", "-f"], env=environment, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout and following.stdout.readline() != ""
        lmd.apply("def init(): print('the second one')\ndef run(raw_data): pass\n")
        lmd("delete", "digits")
        out, _ = following.communicate(timeout=60)
    assert "the second one" in out


def test_without_a_terminal_there_is_no_colour_and_every_line_is_whole(lmd: Lmd) -> None:
    result = lmd.apply(script("1"), replicas=3)
    assert "\x1b" not in result.err + result.out
    assert "revision 1: serves" in result.err
    assert result.err.splitlines()[0].startswith("manifest: digits")


def test_on_a_terminal_progress_is_marked(lmd: Lmd) -> None:
    path = lmd.manifest(script("1"))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "LOCALMODEL_HOME": str(lmd.home), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    with subprocess.Popen(
        [LMD, "apply", "-f", path], env=environment, stderr=theirs, stdout=subprocess.PIPE
    ) as command:
        os.close(theirs)
        shown = read_all(ours)
        assert command.wait() == 0
    os.close(ours)
    assert "\x1b[" in shown and "✓" in shown and "revision 1: serves" in shown


def read_all(terminal: int) -> str:
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            chunk = b""
        if not chunk:
            return b"".join(chunks).decode()
        chunks.append(chunk)


def test_an_added_command_whose_packages_are_missing_says_what_to_install() -> None:
    point = EntryPoint("operator", "nosuchpackage.command:operator", "localmodel.commands")
    command = app._load(point)
    assert "pip install 'localmodel[operator]'" in (command.short_help or "")
    result = CliRunner().invoke(command, ["run", "--help"])
    assert result.exit_code == 1
    assert "lmd operator needs the Python package nosuchpackage: pip install 'localmodel[operator]'" in result.stderr


def test_an_answer_of_an_older_revision_is_said_to_be_one(lmd: Lmd) -> None:
    lmd("apply", lmd.manifest(script("1")))
    assert lmd("invoke", "digits", "--data", "1").err == ""
    assert lmd("apply", lmd.manifest("def init(): raise ValueError('no')\ndef run(raw_data): ...\n")).code == 1
    answer = lmd("invoke", "digits", "--data", "1")
    assert (answer.code, answer.out) == (0, "1\n")
    assert answer.err.startswith("revision 1 answers: revision 2 does not serve: init() failed: score.py:1: ValueError")
