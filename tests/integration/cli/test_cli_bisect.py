"""lmd bisect, over revisions of a process that differ in one part, in two, and from themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.lmd_command import LMD, Lmd
from support.package_index import make_wheel
from support.server.scoring_server_process import find_python

SCRIPT = """
import json, os, pathlib, random
import needed, helper, bystander

def init():
    global weight
    weight = json.loads(next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).glob("tree/*/tree.json")).read_text())

def run(raw_data):
    rate, flag = float(os.environ["RATE"]), os.environ["FLAG"]
    return {"code": CODE, "rate": rate, "model": weight, "package": needed.VERSION}
"""
PAIR = SCRIPT.replace("CODE", "100 if flag == 'on' else 2")
FLAKY = PAIR.replace("return {", 'return {"noise": random.random(), ')


@pytest.fixture(scope="module")
def lmd(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Lmd]:
    """The deployment churn, whose neighbouring revisions differ in what matters and in something that does not."""
    command = Lmd(tmp_path_factory.mktemp("bisect"))
    command.home.mkdir()
    (command.home / "environments").symlink_to(environments)
    wheels = command.folder / "wheels"
    (command.home / "packages.toml").parent.mkdir(exist_ok=True)
    (command.home / "packages.toml").write_text(f'no-index = true\nfind-links = ["{wheels}"]\n')
    for version in ("1", "2"):
        about = f"Metadata-Version: 2.1\nName: needed\nVersion: {version}\nRequires-Dist: helper=={version}\n"
        files = {"needed.py": f"VERSION = {version!r}\n", f"needed-{version}.dist-info/METADATA": about}
        make_wheel(wheels, "needed", version, files)
        make_wheel(wheels, "helper", version)
        make_wheel(wheels, "bystander", version)
        for name in ("tree", "unused"):
            (command.folder / f"{name}.json").write_text(version)
            assert command("model", "register", f"{name}.json", "--name", name).code == 0
    revisions: list[dict[str, Any]] = [
        {"code": SCRIPT.replace("CODE", "1")},
        {"code": SCRIPT.replace("CODE", "2")},
        {"RATE": "0.5", "UNUSED": "2"},
        {"model": 2},
        {"package": "2"},
        {"code": PAIR, "FLAG": "on"},
        {"code": FLAKY},
    ]
    now: dict[str, Any] = {"RATE": "0.25", "UNUSED": "1", "FLAG": "off", "model": 1, "package": "1"}
    for revision in revisions:
        now |= revision
        applied = command.apply(
            {"score.py": now["code"], "beside.py": f"{len(revision)}"},
            name="churn",
            revisionHistoryLimit=10,
            models=[{"name": name, "version": now["model"]} for name in ("tree", "unused")],
            environment={"requirements": [f"{name}=={now['package']}" for name in ("needed", "bystander")]},
            env=[{"name": name, "value": now[name]} for name in ("RATE", "UNUSED", "FLAG")],
        )
        assert applied.code == 0, applied.err
    yield command
    command.clean_up()


def found(lmd: Lmd, good: int, bad: int, *options: str) -> dict[str, Any]:
    result = lmd("bisect", "churn", "--data", "[]", f"--good={good}", f"--bad={bad}", "-o", "json", *options)
    assert result.code == 0, result.err
    values: dict[str, Any] = json.loads(result.out)
    return values


@pytest.mark.parametrize(
    ("good", "bad", "part", "change", "at"),
    [
        (1, 2, "code", "score.py", "$.code"),
        (2, 3, "setting RATE", "another value", "$.rate"),
        (3, 4, "model tree", "1 -> 2", "$.model"),
        (4, 5, "packages helper, needed", "helper 1 -> 2, needed 1 -> 2", "$.package"),
    ],
)
def test_the_part_that_changed_the_answer_is_named(
    lmd: Lmd, good: int, bad: int, part: str, change: str, at: str
) -> None:
    values = found(lmd, good, bad)
    assert (values["before"], values["after"]) == (good, bad)
    assert values["parts"] == [{"part": part, "change": change}]
    assert [one["at"] for one in values["changes"]] == [at]


def test_the_revision_comes_first_and_what_does_not_count_is_left_out(lmd: Lmd) -> None:
    options = ["--tolerance", "0.3", "--ignore", "$.code", "--ignore", "$.package"]
    result = lmd("bisect", "churn", "--data", "[]", "--good", "1", "--bad", "6", *options)
    assert result.code == 0, result.err
    assert result.out.splitlines() == [
        "revision 4 answers otherwise than revision 3:",
        "  $.model: 1 -> 2",
        "model tree is why: 1 -> 2",
    ]


def test_two_parts_that_change_it_only_together_are_named_as_a_pair(lmd: Lmd) -> None:
    values = found(lmd, 5, 6)
    assert [part["part"] for part in values["parts"]] == ["code", "setting FLAG"]
    shown = lmd("bisect", "churn", "--data", "[]", "--good", "5", "--bad", "6")
    assert "code and setting FLAG are why, together" in shown.out


def test_a_script_that_answers_itself_differently_is_said(lmd: Lmd) -> None:
    flaky = lmd("bisect", "churn", "--data", "[]", "--good", "6")
    assert flaky.code == 4 and flaky.out == ""
    assert "answers of revision 7 differ between equal runs: path $.noise" in flaky.err
    alike = lmd("bisect", "churn", "--data", "[]", "--good", "6", "--bad", "7", "--ignore", "$.noise")
    assert (alike.code, alike.out) == (1, "revisions 6 and 7 answer alike\n")


def test_what_fails_differently_has_changed(lmd: Lmd) -> None:
    script = "import os\ndef init():\n    pass\n{more}def run(raw_data):\n    raise ValueError(os.environ['RATE'])\n"
    for rate, more in (("1", ""), ("2", "\n"), ("2", "\n\n")):
        applied = lmd.apply(
            {"score.py": script.format(more=more)},
            name="failing",
            env=[{"name": "RATE", "value": rate}],
            service={"expose": "Auto"},
        )
        assert applied.code == 0, applied.err
    # Not by lmd(), which lets no traceback pass: here it is the script's.
    command = [LMD, "bisect", "failing", "--data", "[]", "--good", "1", "-o", "json"]
    environment = {**os.environ, "LOCALMODEL_HOME": str(lmd.home)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    assert (values["before"], values["after"]) == (1, 2)
    assert [part["part"] for part in values["parts"]] == ["setting RATE"]
    assert values["changes"][0]["before"] == "ValueError: 1"


def test_another_python_is_a_part(lmd: Lmd) -> None:
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    other = next((version for version in ("3.12", "3.11", "3.13") if version != own and find_python(version)), None)
    if other is None:
        pytest.skip("no other Python on this machine")
    script = "import sys\ndef init(): pass\ndef run(data): return sys.version_info[1]\n"
    for number, python in enumerate((own, other)):
        applied = lmd.apply(
            {"score.py": script, "beside.py": f"{number}"},
            name="elder",
            environment={"python": python},
            service={"expose": "Auto"},
        )
        assert applied.code == 0, applied.err
    result = lmd("bisect", "elder", "--data", "[]", "--good", "1", "-o", "json")
    assert result.code == 0, result.err
    values = json.loads(result.out)
    assert values["parts"] == [{"part": "Python", "change": f"{own} -> {other}"}]
    assert [(one["at"], one["before"], one["after"]) for one in values["changes"]] == [
        ("$", int(own.split(".")[1]), int(other.split(".")[1]))
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--good", "9"], "--good: churn: revision 9 is not kept (kept: 1, 2, 3, 4, 5, 6, 7)"),
        (["--good", "4", "--bad", "3"], "--good 4 does not come before --bad 3"),
    ],
)
def test_ends_that_do_not_exist_are_refused(lmd: Lmd, options: list[str], said: str) -> None:
    refused = lmd("bisect", "churn", "--data", "[]", *options)
    assert refused.code == 1 and said in refused.err


def test_what_serves_is_left_as_it_was(lmd: Lmd) -> None:
    assert lmd.status("churn")["serving"] == 7
