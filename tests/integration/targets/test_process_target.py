"""From a manifest to an answer, and from an edit to the changed answer, as a bare process."""

import json
import os
import signal
import time

from support.lmd_command import Lmd, answers, ask, script


def test_a_manifest_is_served_and_an_edit_changes_the_answer_at_the_same_address(lmd: Lmd) -> None:
    first = lmd.apply(script("json.loads(raw_data)"))
    assert first.code == 0, first.err
    assert first.out == f"digits: revision 1 serves at http://localhost:{lmd.port}/score\n"
    assert lmd.ask({"data": [1]}) == (200, {"data": [1]}, 1)

    second = lmd.apply(script("[2]"))
    assert second.out == f"digits: revision 2 serves at http://localhost:{lmd.port}/score\n"
    assert lmd.ask() == (200, [2], 2)


def test_an_edit_does_not_restart_the_server_and_no_edit_changes_nothing(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    pid = lmd.pid()
    again = lmd.apply(script("1"))
    assert "nothing has changed" in again.err and "revision 1 serves" in again.out
    lmd.apply(script("2"))
    assert lmd.pid() == pid and lmd.ask() == (200, 2, 2)


def test_variables_and_server_settings_are_edits_too(lmd: Lmd) -> None:
    code = script("{name: __import__('os').environ.get(name) for name in ('COLOUR', 'WORKER_COUNT')}")
    lmd.apply(code, env=[{"name": "COLOUR", "value": "red"}])
    assert lmd.ask().body == {"COLOUR": "red", "WORKER_COUNT": "1"}
    lmd.apply(code, env=[{"name": "COLOUR", "value": "blue"}], server={"workers": 2})
    assert lmd.ask() == (200, {"COLOUR": "blue", "WORKER_COUNT": "2"}, 2)
    lmd.apply(code)
    assert lmd.ask().body == {"COLOUR": None, "WORKER_COUNT": "1"}


def test_every_file_beside_the_script_can_be_imported(lmd: Lmd) -> None:
    files = {"score.py": "from pkg.answers import init, run\n", "pkg/answers.py": script("'from the package'")}
    assert lmd.apply(files).code == 0
    assert lmd.ask().body == "from the package"


def test_the_callers_shell_does_not_reach_the_script(lmd: Lmd) -> None:
    code = script("[__import__('os').environ.get(n) for n in ('PYTHONPATH', 'VIRTUAL_ENV', 'MINE')]")
    shell = {"PYTHONPATH": "/nowhere", "VIRTUAL_ENV": "/nowhere", "MINE": "1"}
    assert lmd("apply", "-f", lmd.manifest(code), env=shell).code == 0
    assert lmd.ask().body == ["", None, None]


def test_the_servers_own_packages_are_not_the_scripts(lmd: Lmd) -> None:
    find = "[__import__('importlib.util').util.find_spec(n) is None for n in ('uvicorn', 'localmodel_server')]"
    lmd.apply(script(find))
    assert lmd.ask().body == [True, True]


def test_fields_without_meaning_for_a_process_are_named(lmd: Lmd) -> None:
    result = lmd.apply(
        script("1"),
        replicas=2,
        resources={"limits": {"memory": "1Gi"}},
        pod={"nodeSelector": {"disk": "fast"}, "priorityClassName": "high"},
    )
    named = "spec.replicas, spec.resources, spec.pod.nodeSelector, spec.pod.priorityClassName"
    assert f"{named}: ignored by --target process" in result.err
    assert result.code == 0
    assert "ignored" not in lmd.apply(script("2")).err


def test_a_suspended_deployment_is_left_as_it_is(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    result = lmd.apply(script("2"), suspend=True)
    assert "spec.suspend" in result.err and "revision 1 serves" in result.out
    assert lmd.ask().body == 1


def test_a_server_that_died_is_told_of_and_started_again_with_the_same_revision(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    os.kill(lmd.pid(), signal.SIGKILL)
    wait_until_gone(lmd)
    status = lmd("status", "digits")
    assert status.code == 1 and "the server is not running" in status.out
    assert lmd.status()["stalled"]  # nobody is about to start it
    assert "revision 1 serves" in lmd.apply(script("1")).out
    assert lmd.ask() == (200, 1, 1)


def test_a_process_that_got_the_servers_number_is_left_alone(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    record = lmd.home / "deployments" / "digits" / "server.json"
    os.kill(lmd.pid(), signal.SIGKILL)
    wait_until_gone(lmd)
    record.write_text(json.dumps({**json.loads(record.read_text()), "id": str(os.getpid())}))
    assert lmd.status()["ready"] is False
    assert lmd.apply(script("1")).code == 0
    assert lmd.pid() != os.getpid() and lmd.ask().body == 1


def test_a_server_of_another_version_is_replaced(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    record = lmd.home / "deployments" / "digits" / "server.json"
    before = json.loads(record.read_text())
    record.write_text(json.dumps({**before, "program": "sha256:older"}))
    result = lmd.apply(script("2"))
    assert "another is tried beside it first" in result.err and "the port changes hands" in result.err
    assert str(lmd.pid()) != before["id"] and lmd.ask() == (200, 2, 2)


def test_several_are_deleted_whatever_becomes_of_one(lmd: Lmd) -> None:
    for name in ("digits", "letters"):
        lmd.apply(script("1"), name=name, service={})
    result = lmd("delete", "digits", "nosuch", "letters")
    assert result.out == "digits: deleted\nletters: deleted\n" and result.code == 1
    assert "no deployment nosuch runs as a process" in result.err
    assert json.loads(lmd("status", "-o", "json").out) == []


def test_deleting_stops_the_server_and_forgets_the_deployment(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    assert lmd("delete", "digits").out == "digits: deleted\n"
    assert not answers(lmd.port)
    assert json.loads(lmd("status", "-o", "json").out) == []
    assert lmd("delete", "digits").code == 1
    assert "revision 1 serves" in lmd.apply(script("2")).out


def test_old_revisions_are_removed_beyond_the_limit(lmd: Lmd) -> None:
    for answer in ("1", "2", "3", "4"):
        lmd.apply(script(answer), revisionHistoryLimit=1)
    kept = sorted(path.name for path in (lmd.home / "deployments" / "digits" / "revisions").iterdir())
    assert kept == ["3", "4"]


def test_two_deployments_run_beside_each_other(lmd: Lmd) -> None:
    lmd.apply(script("1"), name="one")
    second = lmd.apply(script("2"), name="two", service={"localPort": lmd.port + 1})
    assert f"http://localhost:{lmd.port + 1}/score" in second.out
    assert lmd("invoke", "one", "--data", "null").out == "1\n"
    assert lmd("invoke", "two", "--data", "null").out == "2\n"


def test_a_command_that_does_not_give_way_is_waited_for_until_the_deadline(lmd: Lmd) -> None:
    import fcntl

    folder = lmd.home / "deployments" / "digits"
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = lmd.apply(script("1"), "--timeout", "0.5")
    assert result.code == 1 and "another command is changing digits" in result.err


def test_the_newest_command_takes_the_place_of_one_whose_init_hangs(lmd: Lmd) -> None:
    hanging = script("'never'").replace("pass", "while True: __import__('time').sleep(1)")
    with lmd.running("apply", lmd.manifest(hanging)) as first:
        first.says("revision 1: init() of score.py has not returned yet, after 5 s")
        assert not lmd.status()["ready"] and not lmd.status()["stalled"]
        assert lmd.apply(script("1")).code == 0 and lmd.ask().body == 1
        assert first.process.wait(60) == 3
        assert "error: a newer command has taken over digits" in first.said() and lmd.status()["ready"]
    with lmd.running("apply", lmd.manifest(hanging)) as second:
        second.says("after 5 s")
        assert lmd("delete", "digits").code == 0
        assert second.process.wait(60) == 3 and not answers(lmd.port)
    assert not (lmd.home / "deployments" / "digits").exists()


def test_equal_requirements_share_an_environment(lmd: Lmd) -> None:
    code = script("__import__('sys').prefix")
    lmd.apply(code, name="one")
    lmd.apply(code, name="two", service={"localPort": lmd.port + 1})
    assert ask(lmd.port).body == ask(lmd.port + 1).body


def wait_until_gone(lmd: Lmd) -> None:
    end = time.monotonic() + 60
    while answers(lmd.port):
        assert time.monotonic() < end
        time.sleep(0.05)
