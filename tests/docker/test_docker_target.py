"""From a manifest to an answer, and from an edit to the changed answer, in a container."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from docker_lmd import DockerLmd
from support.lmd_command import LMD, ask, assert_edits_lose_no_request, script
from support.server.scoring_server_process import eventually

BROKEN = "def init():\n    {}['age']\n\ndef run(raw_data):\n    return 1\n"


def test_a_manifest_is_served_and_an_edit_changes_the_answer_in_the_same_container(lmd: DockerLmd) -> None:
    first = lmd.apply(script("json.loads(raw_data)"))
    assert first.code == 0, first.err
    assert first.out == f"digits: revision 1 serves at http://localhost:{lmd.port}/score\n"
    assert lmd.ask({"data": [1]}) == (200, {"data": [1]}, 1)
    container = lmd.container().id
    assert "nothing has changed" in lmd.apply(script("json.loads(raw_data)")).err

    assert "revision 2 serves" in lmd.apply(script("[2]")).out
    assert lmd.ask() == (200, [2], 2)
    assert lmd.containers() == [container]


def test_edits_good_and_bad_lose_no_request(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    container = lmd.container().id
    assert_edits_lose_no_request(lmd, BROKEN)
    assert lmd.containers() == [container]


def test_a_revision_that_fails_its_gate_leaves_the_old_one_serving(lmd: DockerLmd) -> None:
    update = {"gate": {"requests": [{"name": "one", "expect": {"json": 1}}]}}
    assert lmd.apply(script("1"), update=update).code == 0
    result = lmd.apply(script("7"), update=update)
    assert result.code == 1
    assert "error: revision 2 does not serve: gate: request 1 (one): $: expected 1, got 7\n" in result.err
    assert lmd.ask() == (200, 1, 1)


def test_the_container_is_as_closed_as_a_pod_and_no_secret_is_on_it(lmd: DockerLmd) -> None:
    code = script("[__import__('os').environ['TOKEN'], __import__('os').getuid(), open('/tmp/x', 'w').write('1')]")
    lmd.apply(code, env=[{"name": "TOKEN", "value": "top-secret"}])
    assert lmd.ask().body == ["top-secret", os.getuid(), 1]
    told = lmd.container().attrs
    assert "top-secret" not in json.dumps(told)
    assert told["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert told["HostConfig"]["ReadonlyRootfs"] and told["HostConfig"]["CapDrop"] == ["ALL"]
    addresses = {bound["HostIp"] for port in told["NetworkSettings"]["Ports"].values() for bound in port}
    assert addresses == {"127.0.0.1"}


def test_models_are_read_whatever_the_umask_and_cannot_be_written(lmd: DockerLmd) -> None:
    (lmd.folder / "weights.txt").write_text("weights")
    code = script("[open(path).read(), writable(path)]").replace(
        "def init():\n    pass",
        "import os\npath = os.path.join(os.environ['AZUREML_MODEL_DIR'], 'weights.txt')\n\n"
        "def writable(path):\n    try:\n        open(path, 'w')\n    except OSError:\n        return False\n"
        "    return True\n\ndef init():\n    pass",
    )
    before = os.umask(0o077)
    try:
        registered = lmd("model", "register", lmd.folder / "weights.txt", "--name", "weights")
        assert registered.code == 0, registered.err
        version = int(registered.out.split()[0].partition(":")[2].rstrip(","))
        result = lmd.apply(code, models=[{"name": "weights", "version": version}])
    finally:
        os.umask(before)
    assert result.code == 0, result.err
    assert lmd.ask().body == ["weights", False]


def test_a_port_that_is_named_and_held_is_refused(lmd: DockerLmd) -> None:
    lmd.apply(script("1"), name="one")
    second = lmd.apply(script("2"), name="two")
    assert second.code == 1
    assert f"spec.service.localPort {lmd.port} is held by the deployment 'one' (container " in second.err
    assert ask(lmd.port).body == 1


def test_a_changed_port_moves_the_deployment(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    old = lmd.container().id
    assert lmd.apply(BROKEN, service={"localPort": lmd.port + 1}).code == 1
    assert lmd.ask().body == 1 and lmd.containers() == [old]
    result = lmd.apply(script("1"), service={"localPort": lmd.port + 1})
    assert f"http://localhost:{lmd.port + 1}/score" in result.out
    assert ask(lmd.port + 1).body == 1
    assert len(lmd.containers()) == 1


def test_limits_are_the_containers_and_another_one_replaces_it(lmd: DockerLmd) -> None:
    assert lmd.apply(script("1"), resources={"limits": {"memory": "400Mi", "cpu": "500m"}}).code == 0
    first = lmd.container()
    assert first.attrs["HostConfig"]["Memory"] == 400 << 20
    assert first.attrs["HostConfig"]["NanoCpus"] == 500_000_000
    result = lmd.apply(script("1"), resources={"limits": {"memory": "300Mi"}})
    assert "requests were turned away for" in result.err
    assert lmd.container().attrs["HostConfig"]["Memory"] == 300 << 20
    assert lmd.containers() == [lmd.container().id] != [first.id]
    assert lmd.ask().body == 1
    refused = lmd.apply(script("1"), resources={"limits": {"memory": "1Ki"}})
    assert refused.code == 1 and "Docker refuses the container" in refused.err
    assert lmd.ask().body == 1 and len(lmd.containers()) == 1


def test_the_same_manifest_moves_between_targets(lmd: DockerLmd) -> None:
    manifest = lmd.manifest(script("'here'"))
    assert lmd("apply", "-f", manifest).code == 0
    refused = lmd("apply", "-f", manifest, "--target", "process")
    assert refused.code == 1 and f"spec.service.localPort {lmd.port} is held by" in refused.err
    manifest = lmd.manifest(script("'here'"), service={"localPort": lmd.port + 1})
    assert lmd("apply", "-f", manifest, "--target", "process").code == 0
    assert lmd.ask().body == ask(lmd.port + 1).body == "here"
    assert lmd("delete", "digits").code == 0
    assert ask(lmd.port + 1).body == "here"
    assert lmd("delete", "digits", "--target", "process").code == 0


def test_the_log_has_the_build_first_and_then_the_server(lmd: DockerLmd) -> None:
    lmd.apply(script("print('asked') or 1"))
    lmd.ask()
    whole = lmd("logs", "digits").out
    assert whole.index("Python 3.11 of python:3.11-slim at ") < whole.index("listening on") < whole.index("asked")
    assert "lmd" not in lmd.container().logs().decode() and "server.log" in lmd.container().logs().decode()


def test_what_was_behind_an_answer_can_be_said_asked_again_and_traced_to_the_edit(lmd: DockerLmd) -> None:
    fields = {"capture": {"percent": 100}, "environment": {"requirements": ["six"]}}
    assert lmd.apply(script("json.loads(raw_data)"), **fields).code == 0
    invoked = lmd("invoke", "digits", "--data", '{"a": 1.50}', "-o", "json")
    request_id = json.loads(invoked.out)["request_id"]
    eventually(lambda: request_id in lmd("capture", "digits").out)
    assert lmd.apply(script("'another'"), **fields, env=[{"name": "RATE", "value": "2"}]).code == 0

    values = json.loads(lmd("why", request_id, "-o", "json").out)
    assert (values["deployment"], values["revision"], values["serving"]["revision"]) == ("digits", "1", 2)
    assert [*values["code"]["files"]] == ["score.py"]
    again = lmd("rerun", request_id)
    assert (again.code, again.out) == (0, "revision 1 of digits gives the same 10 bytes\n"), again.err
    traced = lmd("bisect", "digits", "--data", "1", "--good", "1")
    assert traced.code == 0, traced.err
    assert traced.out.splitlines()[-1] == "code is why: score.py"
    assert lmd.ask().body == "another"


def test_deleting_leaves_nothing(lmd: DockerLmd) -> None:
    before = lmd.images()
    lmd.apply(script("__import__('six').__version__"), environment={"requirements": ["six"]})
    assert len(lmd.images()) == len(before) + 1
    assert lmd("delete", "digits").out == "digits: deleted\n"
    assert lmd.containers() == [] and sorted(lmd.images()) == sorted(before)
    assert not lmd.state().exists()
    assert lmd("delete", "digits").code == 1
    assert not any(Path(lmd.home, "containers").glob("digits*"))


def test_what_is_deleted_and_applied_again_is_not_installed_again(lmd: DockerLmd) -> None:
    before = set(lmd.images())
    lmd.apply(script("1"), environment={"requirements": ["six"]})
    (key,) = set(lmd.images()) - before
    log = lmd.home / "build-logs" / f"{key}.log"
    built = log.read_text()
    assert built and lmd("delete", "digits", env={"LOCALMODEL_KEEP_ENVIRONMENTS": "3600"}).code == 0
    assert key in lmd.images()
    log.write_text("another build would write this anew")
    assert lmd.apply(script("1"), environment={"requirements": ["six"]}).code == 0
    assert log.read_text() == "another build would write this anew"
    assert lmd("delete", "digits").code == 0 and key not in lmd.images() and not log.exists()


HOLDS = """
import socket
held = socket.socket()

def init():
    held.bind(("127.0.0.1", 9000))
    pass  # at_start

def run(raw_data):
    return "NAME"
"""


def test_recreate_ends_the_old_container_first_and_brings_it_back(lmd: DockerLmd) -> None:
    recreate = {"update": {"strategy": "Recreate"}}
    lmd.apply(HOLDS.replace("NAME", "one"))
    beside = lmd.apply(HOLDS.replace("NAME", "two"))
    assert beside.code == 1 and "revision 1, which serves, may hold it" in beside.err
    failed = lmd.apply(HOLDS.replace("pass  # at_start", "{}['age']"), **recreate)
    assert failed.code == 1 and "revision 1, which was ended first, serves again at " in failed.err
    assert lmd.ask().body == "one" and len(lmd.containers()) == 1
    done = lmd.apply(HOLDS.replace("NAME", "two"), **recreate)
    assert done.code == 0 and "plan: roll: " in done.err and lmd.ask().body == "two"


def test_a_followed_log_goes_on_in_the_next_container_and_ends_with_the_deployment(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    command, environment = [LMD, "logs", "-f", "digits", "--target", "docker"], {"LOCALMODEL_HOME": str(lmd.home)}
    with subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True) as log:
        assert log.stdout
        first = log.stdout.readline()
        lmd.apply(script("print('from the next') or 1"), resources={"limits": {"memory": "500Mi"}})
        lmd.ask()
        assert lmd("delete", "digits").code == 0
        out = first + log.stdout.read()  # communicate() would leave out what readline() has read ahead
    assert "Python 3.11 of python:3.11-slim at " in out and "from the next" in out
    assert out.count("listening on") == 3  # the first, the candidate, the next
