"""A revision sent to a running server: prepared beside the one that serves, and committed."""

from __future__ import annotations

import json
from pathlib import Path

from support.server.admin_client import bundle, content_of
from support.server.admin_pod import ANSWERS, Pod
from support.server.scoring_server_process import eventually


def test_a_revision_serves_after_its_commit_and_not_before(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        state = pod.admin.state()
        assert (state["epoch"], state["revision"], state["content"]) == (1, "1", pod.image)
        assert (state["serving"], state["unready"], state["loading"]) == (True, None, False)
        reply = pod.prepare(2, "two")
        assert reply.status == 200
        assert reply.json["prepared"] == {"epoch": 2, "content": content_of("two")}
        assert set(reply.json["milliseconds"]) == {"unpack", "load", "gate"}
        assert reply.json["how"] in ("fork", "spawn")
        assert server.score({}).json == "image"
        assert pod.admin.state()["prepared"] == {"epoch": 2, "content": content_of("two")}
        reply = pod.commit(2, "two")
        assert reply.status == 200
        assert server.score({}).json == "two"
        assert server.get("/readyz").json == {"revision": "two"}
        assert (reply.json["epoch"], reply.json["revision"], reply.json["prepared"]) == (2, "two", None)
        assert reply.json["parked"] == pod.image
        assert pod.accepted == {"epoch": 2, "revision": "two", "content": content_of("two")}
        assert pod.left_over == []


def test_models_and_variables_are_those_of_the_bundle(tmp_path: Path) -> None:
    script = """
import os
from pathlib import Path

def init(): pass

def run(data):
    models = Path(os.environ["AZUREML_MODEL_DIR"])
    return {
        "greeting": os.environ.get("GREETING"),
        "gone": os.environ.get("GONE"),
        "ours": sorted(name for name in os.environ if "ADMIN" in name or "EPOCH" in name),
        "model": (models / "weights.txt").read_text(),
        "beside": Path("beside.txt").read_text(),
        "folder": [models.parent.name, models.name],
    }
"""
    pod = Pod(tmp_path, GREETING="before", GONE="still here")
    digest = content_of("weights")
    model = {"name": "mnist", "version": "3", "digest": digest}
    files = {f"models/{digest[7:]}/weights.txt": "W", "code/beside.txt": "B"}
    with pod.container() as server:
        server.wait_until_ready("1")
        variables = {"GREETING": "after", "GONE": None}
        pod.swap(2, "two", script, models=[model], variables=variables, files=files)
        assert server.score({}).json == {
            "greeting": "after",
            "gone": None,
            "ours": [],
            "model": "W",
            "beside": "B",
            "folder": ["mnist", "3"],
        }
        assert server.score({}).headers["x-localmodel-model"] == f"mnist:3@{digest}"
        assert pod.admin.state()["models"] == [digest]
        pod.swap(3, "three", script, models=[model], variables=variables, files={"code/beside.txt": "again"})
        assert server.score({}).json["beside"] == "again"
        reply = pod.prepare(4, "four", models=[{**model, "digest": content_of("other")}])
        assert (reply.status, reply.json["reason"]) == (409, "ModelMissing")
        assert reply.json["models"] == [content_of("other")]


def test_back_to_the_revision_before_takes_no_start_of_a_process(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        pod.swap(2, "two")
        (first,) = {server.score({}).json for _ in range(3)}
        assert first == "two"
        assert pod.admin.call("prepare", 3, pod.image).status == 200
        reply = pod.admin.call("commit", 3, pod.image)
        assert (reply.json["epoch"], reply.json["revision"]) == (3, "1")
        assert server.score({}).json == "image"
        assert reply.json["parked"] == content_of("two")
        # The same content under another number: a bundle of only a description.
        body = bundle({"content": content_of("two"), "revision": "9"}, {})
        assert pod.admin.call("prepare", 4, content_of("two"), body).status == 200
        assert pod.admin.call("commit", 4, content_of("two")).json["revision"] == "9"
        assert server.score({}).headers["x-localmodel-revision"] == "9"
        assert server.score({}).json == "two"


def test_a_gate_that_fails_leaves_the_old_revision_serving(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    gate = [{"body": "{}", "expect": {"status": 200, "json": "three"}}]
    with pod.container() as server:
        server.wait_until_ready("1")
        reply = pod.prepare(2, "two", gate=gate)
        assert (reply.status, reply.json.get("reason")) == (422, "GateFailed"), reply
        assert "three" in reply.json["message"]
        assert server.score({}).json == "image"
        state = pod.admin.state()
        assert (state["epoch"], state["prepared"], state["serving"]) == (1, None, True)
        assert "GateFailed" in state["failure"]
        eventually(lambda: pod.admin.state()["held"] == [pod.image])
        pod.swap(3, "three", gate=gate)
        assert server.score({}).json == "three"
        assert pod.admin.state()["failure"] is None


def test_an_init_that_fails_is_told_with_its_traceback(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        reply = pod.prepare(2, "two", "def init():\n    raise ValueError('not this one')\ndef run(data): ...\n")
        assert (reply.status, reply.json["reason"]) == (422, "InitFailed")
        assert reply.json["message"] == "init() failed: score.py:2: ValueError: not this one"
        assert "Traceback" in reply.json["traceback"]
        assert pod.commit(2, "two").status == 409
        reply = pod.prepare(3, "three", variables={"WORKER_COUNT": "many"})
        assert (reply.status, reply.json["reason"]) == (422, "SettingsInvalid")
        reply = pod.prepare(4, "four", environment="another")
        assert (reply.status, reply.json["reason"]) == (409, "OtherEnvironment")


def test_what_clients_get_is_counted_since_the_switch_and_before_it(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        for _ in range(4):
            server.score({})
        pod.swap(2, "two", "def init(): pass\ndef run(data): raise ValueError\n")
        for _ in range(3):
            assert server.score({}).status == 500
        state = pod.admin.state()
        assert (state["since_switch"]["requests"], state["since_switch"]["failed"]) == (3, 3)
        assert (state["before_switch"]["requests"], state["before_switch"]["failed"]) == (4, 0)
        assert state["since_switch"]["seconds"] > 0


def test_a_variable_that_the_scripts_own_config_file_has(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    with pod.container() as server:
        server.wait_until_ready("1")
        pod.swap(2, "two", files={"code/config.json": json.dumps({"SERVICE_NAME": "renamed"})})
        assert server.get("/swagger.json").json["info"]["title"] == "renamed"
        pod.swap(3, "three", ANSWERS.format(name="three"))
        assert server.get("/swagger.json").json["info"]["title"] == "ML service"
