"""What a pod serves after its container has started: never less than what was committed."""

from __future__ import annotations

from pathlib import Path

from support.server.admin_client import content_of
from support.server.admin_pod import ANSWERS, Pod
from support.server.scoring_server_process import eventually

FAILS = "def init():\n    raise ValueError('not in this container')\ndef run(data): ...\n"


def test_a_restarted_container_serves_what_was_accepted(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        pod.swap(2, "two")
    with pod.container() as server:
        server.wait_until_ready("two")
        assert server.score({}).json == "two"
        state = pod.admin.state()
        assert (state["epoch"], state["revision"], state["content"]) == (2, "two", content_of("two"))
        # and back to the image's code, which is no bundle
        assert pod.admin.call("prepare", 3, pod.image).status == 200
        assert pod.admin.call("commit", 3, pod.image).status == 200
    with pod.container() as server:
        server.wait_until_ready("1")
        assert server.score({}).json == "image"
        assert pod.admin.state()["epoch"] == 3
    # the template has moved on: the image is newer than what was accepted
    with pod.container(LOCALMODEL_EPOCH="4", LOCALMODEL_REVISION="4", LOCALMODEL_CONTENT=content_of("four")) as server:
        server.wait_until_ready("4")
        assert pod.admin.state()["epoch"] == 4


def test_a_pod_that_starts_behind_catches_up_with_the_bundle_beside_it(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.want(7, "seven", committed=True, with_bundle=pod.bundle("seven"))
    with pod.container() as server:
        server.wait_until_ready("seven")
        assert server.score({}).json == "seven"
        assert pod.admin.state()["epoch"] == 7
        assert pod.accepted["epoch"] == 7
    pod.want(7, "seven", committed=True)
    with pod.container() as server:
        server.wait_until_ready("seven")


def test_a_pod_that_cannot_catch_up_is_unready_until_it_is_told(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.want(7, "seven", committed=True)
    with pod.container() as server:
        eventually(lambda: server.get("/readyz").status == 503)
        reason = "behind: revision 7 (epoch 7) serves elsewhere, and its bundle is missing"
        assert server.get("/readyz").message == reason
        assert server.score({}).status == 503
        state = pod.admin.state()
        assert (state["epoch"], state["serving"], state["unready"]) == (7, False, reason)
        assert server.process.poll() is None
        pod.swap(7, "seven")
        assert server.get("/readyz").json == {"revision": "seven"}
        assert server.score({}).json == "seven"


def test_a_bundle_beside_it_that_cannot_serve_here_leaves_it_unready(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.want(7, "seven", committed=True, with_bundle=pod.bundle("seven", FAILS))
    with pod.container() as server:
        eventually(lambda: "not in this container" in server.get("/readyz").json.get("message", ""), server)
        assert server.process.poll() is None
        pod.swap(8, "eight")
        assert server.get("/readyz").json == {"revision": "eight"}


def test_a_pod_on_hold_is_unready_until_it_is_told(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.want(1, "image", committed=False, hold=True)
    for _ in range(2):  # its container starts again
        with pod.container() as server:
            eventually(lambda: "serves" in server.log, server)
            assert server.get("/readyz").message == "on hold: epoch 1 has not been committed here"
            assert server.get("/readyz?stopping=ready").status == 503
            state = pod.admin.state()
            assert (state["on_hold"], state["serving"], state["loading"]) == (True, False, False)
    with pod.container() as server:
        assert pod.admin.call("prepare", 1, pod.image).status == 200
        assert pod.admin.call("commit", 1, pod.image).status == 200
        server.wait_until_ready("1")
        assert pod.accepted == {"epoch": 1, "revision": "1", "content": pod.image}
        assert pod.admin.state()["on_hold"] is False
    with pod.container() as server:
        server.wait_until_ready("1")


def test_a_pod_on_hold_takes_a_later_decision(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.want(1, "image", committed=True, hold=True)
    with pod.container() as server:
        eventually(lambda: "serves" in server.log, server)
        assert pod.admin.call("commit", 2, pod.image).status == 409
        assert pod.admin.call("commit", 1, pod.image).status == 409, "a later one is to serve"
        assert server.get("/readyz").status == 503
        pod.swap(3, "three")
        assert server.get("/readyz").json == {"revision": "three"}
        assert pod.admin.state()["on_hold"] is False


def test_what_is_only_wanted_is_not_served(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.want(7, "seven", committed=False, with_bundle=pod.bundle("seven"))
    with pod.container() as server:
        server.wait_until_ready("1")
        assert server.score({}).json == "image"
        # somebody who has not heard of it yet comes too late
        reply = pod.prepare(6, "six")
        assert (reply.status, reply.json["reason"], reply.json["epoch"]) == (409, "Superseded", 7)


def test_the_first_start_is_proved_by_the_gate(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    wrong = [{"body": "{}", "expect": {"json": "another"}}]
    pod.want(1, "image", committed=False, gate=wrong)
    log = tmp_path / "termination-log"
    with pod.container(LOCALMODEL_TERMINATION_LOG=str(log)) as server:
        assert server.wait_for_end() == 3
        assert "GET /readyz 200" not in server.log
    assert log.read_text().startswith("GateFailed: gate: request 1")
    pod.want(1, "image", committed=True, gate=wrong)
    with pod.container() as server:
        server.wait_until_ready("1")
    pod.want(1, "image", committed=False, gate=[{"body": "{}", "expect": {"json": "image"}}])
    with pod.container() as server:
        server.wait_until_ready("1")
        assert "gate: passed" in server.log


def test_what_was_accepted_and_cannot_be_read_any_more(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        pod.swap(2, "two")
    (pod.state_folder / "accepted.json").write_text("{")
    with pod.container() as server:
        eventually(lambda: "accepted.json cannot be read" in server.get("/readyz").json.get("message", ""), server)
        pod.swap(3, "three")
        server.wait_until_ready("three")
    assert pod.accepted["epoch"] == 3


def test_init_that_fails_after_a_restart_ends_the_container(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    script = "import os\nif os.environ.get('BREAK'):\n    raise ValueError('broken')\n" + ANSWERS.format(name="two")
    with pod.container() as server:
        server.wait_until_ready("1")
        pod.swap(2, "two", script)
    with pod.container(BREAK="1") as server:
        assert server.wait_for_end() == 3
        assert "broken" in server.log
