"""Servers that no file names any more: found by what they were started with, and never taken for another program."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from support.lmd_command import Lmd, answers, script

from localmodel.targets import server
from localmodel.targets.machine.state import State


def pids(lmd: Lmd) -> list[int]:
    return [found.pid for found in server.running(State(lmd.home / "deployments", "digits"))]


def test_a_server_is_found_without_its_record(lmd: Lmd) -> None:
    """It is told of, replaced at its port by the next apply, and ended by delete."""
    assert lmd.apply(script("1")).code == 0
    record = lmd.home / "deployments" / "digits" / "server.json"
    (pid,) = pids(lmd)
    record.unlink()
    assert lmd.status()["ready"] and lmd.status()["url"].endswith(f":{lmd.port}/score")
    record.write_text("null")
    again = lmd.apply(script("2"))
    assert again.code == 0 and "server.json is damaged (it is not an object); continuing without it" in again.err
    assert lmd.ask().body == 2 and lmd.status()["url"].endswith(f":{lmd.port}/score")
    assert len(pids(lmd)) == 1 and pids(lmd) != [pid]
    record.write_text("[]")
    assert lmd("delete", "digits").out == "digits: deleted\n"
    assert pids(lmd) == [] and not answers(lmd.port)


def test_a_home_is_one_however_it_is_spelled(lmd: Lmd) -> None:
    """By a link, by a folder beside it: the same server is told of, replaced and ended, also one started by a link."""
    (lmd.folder / "link").symlink_to(lmd.home)
    (lmd.folder / "w").mkdir()
    spellings = [{"LOCALMODEL_HOME": str(lmd.folder / name)} for name in ("link", "w/../home")]
    assert lmd.apply(script("1")).code == 0
    first = pids(lmd)
    for home in spellings:
        assert json.loads(lmd("status", "digits", "-o", "json", env=home).out)["ready"]
        assert lmd("apply", "-f", lmd.manifest(script("2")), env=home).code == 0
        assert len(pids(lmd)) == 1 and lmd.ask().body == 2
    by_link = State(lmd.folder / "link" / "deployments", "digits")  # as earlier versions had it
    assert [found.pid for found in server.running(by_link)] == pids(lmd) and first
    assert lmd("delete", "digits", env=spellings[0]).code == 0
    assert pids(lmd) == [] and not answers(lmd.port)


@pytest.mark.parametrize("target", ["nowhere", "loop"])
def test_a_home_that_leads_nowhere_is_told(lmd: Lmd, target: str) -> None:
    """Nothing is made where a link leads to: a disk may not be there yet."""
    link = lmd.folder / "loop"
    link.symlink_to(target)
    for home in (link, link / "below"):
        result = lmd("apply", "-f", lmd.manifest(script("1")), env={"LOCALMODEL_HOME": str(home)})
        assert result.code == 1 and str(link) in result.err and "LOCALMODEL_HOME" in result.err
    assert not (lmd.folder / "nowhere").exists()


COMMAND = "-P -m localmodel_server --host 127.0.0.1 --port 7470 --revision-file ROOT/revision.json --status-file"


@pytest.mark.parametrize(
    ("command", "is_server"),
    [
        (f"{COMMAND} ROOT/status.json", True),
        (f"{COMMAND} ROOT/status.json --log-file ROOT/server.log", True),
        (f"{COMMAND} ROOT/status-candidate.json", True),
        (f"{COMMAND} ROOT/status.json.old", False),
        (f"{COMMAND} ROOT2/status.json", False),
        (f"{COMMAND} ROOT/status.json".replace("localmodel_server", "other_server"), False),
        (f"other_server.py {COMMAND} ROOT/status.json", False),
    ],
)
def test_what_is_taken_for_a_server(tmp_path: Path, command: str, is_server: bool) -> None:
    """One whose command line names the deployment's files; a child has its parent's until it runs its own program."""
    place = State(tmp_path / "deployments", "digits")
    for name in ("localmodel_server.py", "other_server.py"):
        (tmp_path / name).write_text("import time; print(flush=True); time.sleep(60)")
    # -P leaves the folder of the program out, not PYTHONPATH
    arguments = [sys.executable, *command.replace("ROOT", str(place.root)).split()]
    start = partial(
        subprocess.Popen,
        arguments,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        cwd=tmp_path,
    )
    with start(start_new_session=True) as leader, start() as child:
        try:
            for process in (leader, child):
                assert process.stdout and process.stdout.readline()
            assert [found.pid for found in server.running(place)] == ([leader.pid] if is_server else [])
            assert server.is_running(place, leader.pid) == is_server
            if not is_server:
                server.stop(place, leader.pid)
                assert leader.poll() is None
        finally:
            leader.kill()
            child.kill()
