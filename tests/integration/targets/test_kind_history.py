"""lmd plan, history and rollback with a cluster: what is asked of kubectl, and what is made of the answers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.lmd_command import Lmd

from localmodel.resource import schema, spec
from localmodel.resource.gate import digest
from localmodel.updates import plan, revision

# Answers from the files of its folder; with the annotation the resource becomes the one of after.json.
KUBECTL = """#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>asked
case " $* " in
*" apply "*) cat applied.json ;;
*" annotate "*) cp after.json resource.json; cat annotated.json ;;
*" get controllerrevisions.apps "*) cat revisions.json ;;
*" get configmap digits-wanted "*) cat wanted.json ;;
*" get configmap files "*) cat files.json ;;
*" get secret tokens "*) cat secret ;;
*" get nodes "*) cat nodes.json ;;
*" get localmodeldeployments"*) cat resource.json ;;
esac
"""
SPEC = {
    "scoring": {"entryScript": "score.py", "source": {"configMap": {"name": "files"}}},
    "env": [
        {"name": "LEVEL", "value": "1"},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "tokens", "key": "a"}}},
    ],
}
SECRET = "uid-1/77"
CODE = "def init(): pass\ndef run(data): return 1\n"
DIGESTS = dict.fromkeys(("base", "server", "lock", "bundle", "settings"), "sha256:1234567890abcdef")


def completed(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The spec as an API server has it."""
    manifest = {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": {"name": "digits"}}
    found: dict[str, Any] = schema.validate({**manifest, "spec": {**SPEC, **(changes or {})}})["spec"]
    return found


def facts(code: str = CODE, **changes: Any) -> dict[str, Any]:
    """What the operator has recorded of a revision."""
    parsed = spec.parse(completed(changes))
    files = {"score.py": code.encode()}
    return plan.of_pods(
        parsed,
        lock="sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",  # of no packages
        code=revision.code_digest("score.py", files),
        files=files,
        models=[],
        variables={each.name: each.value for each in parsed.env if each.value_from is None},
        secrets={"TOKEN": f"Secret/tokens/a/{SECRET}"},
        gate=digest(parsed.gate.requests if parsed.gate else ()),
    ).as_json()


def record(number: int, kept: dict[str, Any], failed: str = "", owner: str = "uid-7") -> dict[str, Any]:
    annotations = {"localmodel.dev/failed": failed} if failed else {}
    data = {
        "digests": DIGESTS,
        "inputs": f"sha256:{number}",
        "image": "localmodel.dev/deployment/uid-7@sha256:0",
        "environment": "key",
        "template": {},
        "cause": f"cause {number}",
        "code": "sha256:c0de",
        "facts": kept,
        "models": ["m:1"],
    }
    return {
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"digits-r{number}",
            "creationTimestamp": f"2026-11-2{number}T00:00:00Z",
            "annotations": annotations,
            "ownerReferences": [{"uid": owner, "controller": True}],
        },
        "revision": number,
        "data": data,
    }


def resource(serving: int, *, ready: str = "True", said: str = "", **changes: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "reason": "R", "message": said, "observedGeneration": 2}]
    if ready == "False":
        conditions.append({**conditions[0], "type": "Stalled", "status": "True"})
    return {
        "kind": "LocalModelDeployment",
        "metadata": {"name": "digits", "namespace": "mine", "generation": 2, "uid": "uid-7"},
        "spec": completed(changes),
        "status": {"url": "u", "revisions": {"serving": serving, "durable": serving}, "conditions": conditions},
    }


@pytest.fixture(name="kubectl")
def given_kubectl(lmd: Lmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a kubectl in it, which is found before any other; revision 2 of 3 records serves."""
    folder = tmp_path / "kubectl"
    folder.mkdir()
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    (folder / "secret").write_text(SECRET)
    put(folder, "nodes", listed([{"metadata": {"labels": {"kubernetes.io/arch": "amd64"}}}]))
    put(folder, "files", {"kind": "ConfigMap", "metadata": {"name": "files"}, "data": {"score.py": CODE}})
    put(folder, "wanted", {"data": {"wanted.json": json.dumps({"before": 1})}})
    put(folder, "resource", resource(2))
    put(folder, "annotated", resource(2))
    put(folder, "revisions", listed([record(1, facts("old")), record(2, facts()), record(9, {}, owner="of another")]))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def listed(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "List", "items": items}


def put(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / f"{name}.json").write_text(json.dumps(content, indent=4))


def planned(lmd: Lmd, kubectl: Path, *beside: dict[str, Any], **changes: Any) -> dict[str, Any]:
    put(kubectl, "applied", listed([{**resource(2), "spec": completed(changes)}, *beside]))
    result = lmd("plan", "-k", lmd.folder, "--target", "kind", "-o", "json")
    assert result.code == 0, result.err
    found: list[dict[str, Any]] = json.loads(result.out)
    return found[0]


def test_history_is_what_the_operator_has_recorded(lmd: Lmd, kubectl: Path) -> None:
    put(kubectl, "revisions", listed([record(2, {}), record(3, facts(), "InitFailed: score.py:3: KeyError")]))
    found = json.loads(lmd("history", "digits", "--target", "kind", "-o", "json").out)
    assert [(one["revision"], one["serving"], one["durable"]) for one in found] == [(3, False, False), (2, True, True)]
    assert found[0]["failed"] == "InitFailed: score.py:3: KeyError" and found[1]["models"] == {"m:1": ""}
    text = lmd("history", "digits", "--target", "kind").out.splitlines()
    number, age, unit, ago, *states = text[2].split()[:6]
    assert (number, unit, ago, states) == ("2", "d", "ago", ["serving,", "durable"]) and "failed" in text[1]
    assert found[1]["created"] == "2026-11-22T00:00:00Z" and int(age) >= 7


def test_history_says_of_which_revision_a_trial_has_failed_and_why(lmd: Lmd, kubectl: Path) -> None:
    tried = record(3, facts())
    failure = "CanaryFailed: revision 3: 5 of 200 requests failed"
    tried["metadata"]["annotations"]["localmodel.dev/trial-failed"] = failure
    put(kubectl, "revisions", listed([record(2, {}), tried]))
    found = json.loads(lmd("history", "digits", "--target", "kind", "-o", "json").out)
    assert [(one["failed"], one["trial_failed"]) for one in found] == [("", failure), ("", "")]
    _, first, _, reason = lmd("history", "digits", "--target", "kind").out.splitlines()
    assert "trial failed" in first
    assert reason == "revision 3: 5 of 200 requests failed"


def test_a_record_that_is_no_revision_is_left_out(lmd: Lmd, kubectl: Path) -> None:
    junk = [record(4, {"suspend": 1}), {**record(5, {}), "data": None}, {**record(6, {}), "data": {"digests": {}}}]
    put(kubectl, "revisions", listed([record(2, facts()), *junk]))
    found = json.loads(lmd("history", "digits", "--target", "kind", "-o", "json").out)
    assert [one["revision"] for one in found] == [2]
    assert planned(lmd, kubectl)["lane"] == "nothing"


def test_a_plan_asks_for_a_model_by_address_only_with_an_edit(lmd: Lmd, kubectl: Path) -> None:
    (lmd.folder / "churn.pkl").write_text("1")
    lmd("model", "register", "churn.pkl", "--name", "churn")
    digest_of = json.loads(lmd("model", "show", "churn", "-o", "json").out)["digest"]
    models = [{"name": "churn", "uri": "http://127.0.0.1:9/churn.pkl"}]
    live = resource(2, models=models)
    live["status"]["models"] = [{"name": "churn", "version": 1, "digest": digest_of, "generation": 2}]
    put(kubectl, "resource", live)
    put(kubectl, "revisions", listed([record(2, {**facts(models=models), "models": {"churn": f"1@{digest_of}"}})]))
    assert planned(lmd, kubectl, models=models)["lane"] == "nothing"
    put(kubectl, "applied", listed([{**resource(2), "spec": completed({"models": models, "replicas": 2})}]))
    asked = lmd("plan", "-k", lmd.folder, "--target", "kind")
    assert asked.code == 1
    assert (
        "spec.models[0]: http://127.0.0.1:9/churn.pkl: others can change a file that comes over plain http" in asked.err
    )


def test_a_rollback_asks_by_annotation_and_waits_until_the_revision_serves(lmd: Lmd, kubectl: Path) -> None:
    put(kubectl, "resource", resource(2, ready="False", said="revision 3 has failed"))
    put(kubectl, "after", resource(1))
    result = lmd("rollback", "digits", "--target", "kind")
    assert result.out == "digits: revision 1 serves at u\n"
    asked = (kubectl / "asked").read_text().splitlines()
    annotated = next(line for line in asked if line.startswith("annotate"))
    in_its_own_name = "digits --namespace mine --overwrite --field-manager=localmodel"
    assert f"{in_its_own_name} localmodel.dev/serve-revision=1 generation=2 20" in annotated


def test_a_rollback_that_an_edit_ends_is_not_waited_for(lmd: Lmd, kubectl: Path) -> None:
    edited = resource(3)
    edited["metadata"]["generation"] = edited["status"]["conditions"][0]["observedGeneration"] = 3
    put(kubectl, "after", edited)
    result = lmd("rollback", "digits", "--target", "kind")
    assert result.code == 1 and "digits: an edit came after the rollback; revision 3 serves" in result.err


def test_a_rollback_that_fails_says_why(lmd: Lmd, kubectl: Path) -> None:
    put(kubectl, "after", resource(2, ready="False", said="score.py:3: KeyError"))
    result = lmd("rollback", "digits", "--to", "1", "--target", "kind")
    assert result.code == 1 and "error: digits: score.py:3: KeyError" in result.err
    late = lmd("rollback", "digits", "--to", "1", "--target", "kind", "--timeout", "0.5")
    assert late.code == 1 and "digits was not ready within 0.5 s" in late.err
    assert "revision 4 is not kept (kept: 1, 2)" in lmd("rollback", "digits", "--to", "4", "--target", "kind").err


def test_a_plan_is_a_dry_run_held_against_what_serves(lmd: Lmd, kubectl: Path) -> None:
    assert planned(lmd, kubectl)["reason"] == "nothing has changed"
    asked = (kubectl / "asked").read_text()
    assert f"apply --openapi-patch=false --dry-run=server -k {lmd.folder} -o json" in asked
    assert "get secret tokens --namespace mine --ignore-not-found -o jsonpath={.metadata.uid}/" in asked
    assert "annotate" not in asked
    env = [{"name": "LEVEL", "value": "2"}, SPEC["env"][1]]  # type: ignore[index]
    found = planned(lmd, kubectl, env=env)
    assert (found["lane"], found["reason"]) == ("swap", "spec.env changed: LEVEL")
    assert planned(lmd, kubectl, replicas=2)["lane"] == "patch"
    assert planned(lmd, kubectl, resources={"limits": {"cpu": "1"}})["lane"] == "roll"
    files = {"kind": "ConfigMap", "metadata": {"name": "files"}, "data": {"score.py": CODE + "\n"}}
    assert planned(lmd, kubectl, files)["reason"] == "spec.scoring changed: score.py"
    (kubectl / "secret").write_text("uid-1/78")
    assert planned(lmd, kubectl)["reason"].startswith("spec.env changed: TOKEN (from a Secret")


def test_a_plan_knows_of_a_failure_and_of_a_rollback(lmd: Lmd, kubectl: Path) -> None:
    put(kubectl, "revisions", listed([record(1, facts("old")), record(2, facts(), "InitFailed: score.py:3")]))
    put(kubectl, "resource", resource(1))
    assert (
        "revision 2 failed, and is not tried again until something changes: InitFailed: score.py:3"
        in (planned(lmd, kubectl)["reason"])
    )
    put(kubectl, "revisions", listed([record(1, facts("old")), record(2, facts())]))
    assert "revision 1 serves; lmd history digits says why" in planned(lmd, kubectl)["reason"]


def test_a_deployment_that_is_new_is_made(lmd: Lmd, kubectl: Path) -> None:
    (kubectl / "resource.json").write_text("")
    assert planned(lmd, kubectl)["lane"] == "rebuild"
