"""What somebody else writes in the place of the operator's own records is obeyed by neither pods nor the operator."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile

import pytest
from app import App
from kube import Namespace, eventually
from load import Load, ask_if_reachable
from operator_process import OperatorProcess
from support import given

EVIL = "evil"


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int) -> App:
    manifest = given.lmd("app", shared_port, given.inline(given.script("first")))
    shared_namespace.apply(manifest)
    shared_namespace.wait_ready("app")
    made = App(shared_namespace, manifest, shared_port)
    made.wait_durable()
    return made


def forged(decided: given.Object, environment: str) -> given.Object:
    """The ConfigMap with a decision that names code of somebody's own, and that code."""
    content = f"sha256:{hashlib.sha256(b'evil').hexdigest()}"
    told = {"epoch": 99, "revision": 9, "content": content, "environment": environment, "committed": True}
    described = {**told, "revision": "9", "entry": "score.py", "models": [], "variables": {}}
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for path, text in (("bundle.json", json.dumps(described)), ("code/score.py", given.script(EVIL))):
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    data = {**decided["data"], "wanted.json": json.dumps(told)}
    bundle = base64.b64encode(target.getvalue()).decode()
    return {**decided, "data": data, "binaryData": {"bundle.tar": bundle}}


def epoch(app: App) -> int:
    found = app.namespace.get("configmaps", "app-wanted")
    return int(json.loads(found["data"]["wanted.json"])["epoch"])


def test_a_decision_of_somebody_elses(app: App, operator: OperatorProcess) -> None:
    with Load(app.port, lossless=False) as load:
        operator.kill()  # so that a pod meets it before it is put right
        image = app.namespace.revisions("app")[-1]["data"]
        decided = app.namespace.get("configmaps", "app-wanted")
        app.namespace.kubectl("replace", "-f", "-", given=json.dumps(forged(decided, image["environment"])))
        (before,) = app.pods()
        app.namespace.kubectl("delete", "pod", before, "--wait=false")
        eventually(lambda: set(app.ready_pods()) - {before}, "a pod that met the forged decision is ready", 60)
        (pod,) = set(app.ready_pods()) - {before}
        log = app.namespace.kubectl("logs", pod)
        assert "is ignored: it is not signed with the operator's key" in log, log
        mark = operator.mark()
        operator.start()
        operator.wait_for_log("was not signed by an operator", mark)
        eventually(lambda: 0 < epoch(app) < 99, "the operator's own decision stands there again")
        app.namespace.wait_ready("app")
        app.edit(scoring=given.inline(given.script("second")))
        app.wait_answer(lambda answer: answer == "second")
        app.wait_durable()
    assert EVIL not in {each.answer for each in load.asked}
    assert app.restarts() == 0


def test_a_decision_forged_while_the_operator_runs_is_written_anew(app: App) -> None:
    decided = app.namespace.get("configmaps", "app-wanted")
    environment = app.namespace.revisions("app")[-1]["data"]["environment"]
    with Load(app.port):
        app.namespace.kubectl("replace", "-f", "-", given=json.dumps(forged(decided, environment)))
        eventually(lambda: epoch(app) < 99, "the operator's own decision stands there again", 20)
        app.wait_durable()
        assert app.namespace.wait_ready("app")
    assert ask_if_reachable(app.port) == "second"
