import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from localmodel.cluster_records import names
from localmodel.engine.nodes import Node
from localmodel_operator.sweep import doomed, in_use, kept_for_now, other_uses

ONE, TWO = names.repository("1") + "@sha256:" + "1" * 64, names.repository("2") + "@sha256:" + "2" * 64
ONE_AGAIN = names.repository("2") + "@sha256:" + "1" * 64
# what containerd lists for ONE: the reference, and the CRI's record by the configuration's digest
PRESENT = {ONE: "sha256:one", "sha256:config-one": "sha256:one"}
OTHERS = {"registry.k8s.io/pause:3.10": "sha256:pause", "sha256:config-pause": "sha256:pause"}


@pytest.mark.parametrize(
    ("present", "keep", "gone"),
    [
        ({**PRESENT, **OTHERS}, [], {ONE, "sha256:config-one"}),
        ({**PRESENT, **OTHERS}, [ONE], set()),
        ({**PRESENT, TWO: "sha256:two", "sha256:config-two": "sha256:two"}, [ONE], {TWO, "sha256:config-two"}),
        (OTHERS, [], set()),
        ({}, [ONE], set()),
        # two deployments with the same content: one image under two references
        (
            {**PRESENT, names.repository("2") + "@sha256:" + "1" * 64: "sha256:one"},
            [ONE],
            {names.repository("2") + "@sha256:" + "1" * 64},
        ),
        # somebody named our image too
        ({**PRESENT, "docker.io/me/copy:1": "sha256:one"}, [], {ONE}),
        # a record whose reference is gone already is the CRI's own affair
        ({"sha256:config-one": "sha256:one"}, [], set()),
    ],
    ids=[
        "unused",
        "used",
        "one of two used",
        "not ours",
        "empty node",
        "the same image used by another",
        "also under a foreign name",
        "a record alone",
    ],
)
def test_what_goes_from_a_node(present: dict[str, str], keep: list[str], gone: set[str]) -> None:
    assert set(doomed(present, keep)) == gone


def test_images_of_the_operator_itself_stay() -> None:
    present = {f"{names.GROUP}/operator:dev": "sha256:operator", "sha256:config": "sha256:operator"}
    assert doomed(present, []) == []


def owner(uid: str) -> dict[str, Any]:
    return {"metadata": {"uid": uid, "namespace": "default", "name": "mnist"}}


def revision(owner_uid: str | None, image: str, environment: str) -> dict[str, Any]:
    owners = [{"uid": owner_uid, "controller": True}] if owner_uid else []
    data = {
        "image": image,
        "environment": environment,
        "models": ["mnist:1"],
        "code": "sha256:c",
        "entryScript": "score.py",
    }
    return {"metadata": {"ownerReferences": owners}, "revision": 3, "data": data}


def test_in_use_is_what_living_owners_recorded() -> None:
    revisions = [revision("1", ONE, "env-a"), revision("2", TWO, "env-b"), revision(None, "x", "y")]
    use = in_use([owner("1")], revisions, [], [Node("id-b", "b", ()), Node("id-a", "a", ())])
    assert (use.images, use.environments, use.nodes) == ((ONE,), ("env-a",), ("id-a", "id-b"))


def test_older_revisions_are_in_use_too_and_named_once() -> None:
    revisions = [revision("1", ONE, "env"), revision("1", TWO, "env"), revision("1", ONE, "env")]
    use = in_use([owner("1")], revisions, [], [])
    assert (use.images, use.environments) == (tuple(sorted((ONE, TWO))), ("env",))


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"image": 1},
        {"image": "no digest", "environment": "env"},
        {"image": "x@sha256:../../../../etc/passwd", "environment": "env"},
        {"image": ONE, "environment": ["env"]},
        {"image": ONE, "environment": "env", "models": "all"},
        {"image": ONE, "environment": "env", "models": [1]},
        {"image": ONE, "environment": "env", "code": {}},
    ],
)
def test_a_record_that_is_not_the_operators_does_not_stop_the_sweep(data: Any) -> None:
    strange = {**revision("1", ONE, "env"), "data": data}
    use = in_use([owner("1")], [strange, revision("1", TWO, "env")], [], [])
    assert (use.images, use.environments, len(use.deployments)) == ((TWO,), ("env",), 1)


def test_the_store_is_told_what_of_it_a_deployment_serves() -> None:
    reference = {"environment": {"ref": {"name": "project", "version": 2}}}
    (told,) = in_use([{**owner("1"), "spec": reference}], [revision("1", ONE, "env")], [], []).deployments
    assert told == {
        "target": "kind",
        "namespace": "default",
        "name": "mnist",
        "environment": "project:2",
        "revision": 3,
        "models": ["mnist:1"],
        "code": "sha256:c",
        "entryScript": "score.py",
    }


def pod(image: str, name: str = "mnist", **metadata: Any) -> dict[str, Any]:
    labels = {names.DEPLOYMENT_LABEL: name}
    return {
        "metadata": {"namespace": "default", "labels": labels, **metadata},
        "spec": {"containers": [{"image": image}]},
    }


def deployment(image: str) -> dict[str, Any]:
    return {"metadata": pod(image)["metadata"], "spec": {"template": {"spec": pod(image)["spec"]}}}


@pytest.mark.parametrize("running", [pod(TWO), deployment(TWO)], ids=["a pod", "a Deployment"])
def test_what_runs_is_in_use_though_its_revision_is_forgotten(running: dict[str, Any]) -> None:
    assert in_use([owner("1")], [revision("1", ONE, "env")], [running], []).images == (ONE, TWO)


@pytest.mark.parametrize(
    "running", [pod(TWO, deletionTimestamp="now"), pod(TWO, name="other")], ids=["on its way out", "of a deleted owner"]
)
def test_what_ends_is_not_in_use(running: dict[str, Any]) -> None:
    assert in_use([owner("1")], [revision("1", ONE, "env")], [running], []).images == (ONE,)


def test_images_that_a_node_has_pulled_go_too() -> None:
    present = {"localhost:5001/localmodel/deployments@sha256:" + "1" * 64: "sha256:one", "sha256:c": "sha256:one"}
    assert doomed(present, [], ("localhost:5001/localmodel/deployments@",)) == sorted(present)
    assert doomed(present, []) == []


def note(folder: Path, name: str, nodes: list[str], age: float = 0) -> None:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"images": [name], "environments": [], "nodes": nodes, "deployments": []}))
    os.utime(path, (time.time() - age, time.time() - age))


DAY = 24 * 3600


def test_notes_of_clusters_that_are_gone_go(tmp_path: Path) -> None:
    note(tmp_path, "own", ["1"])
    note(tmp_path, "kind-there", ["2", "gone"], age=400 * DAY)
    note(tmp_path, "kind-gone", ["3"])
    note(tmp_path, "elsewhere", [], age=29 * DAY)
    note(tmp_path, "elsewhere-silent", [], age=31 * DAY)
    assert {use.images for use in other_uses(tmp_path, "own", {"1", "2"})} == {("kind-there",), ("elsewhere",)}
    assert {path.stem for path in tmp_path.iterdir()} == {"own", "kind-there", "elsewhere"}


def test_without_an_engine_no_note_of_kind_goes(tmp_path: Path) -> None:
    note(tmp_path, "kind-gone", ["3"])
    assert len(other_uses(tmp_path, "own", None)) == 1


def test_nothing_is_in_use_where_there_is_nothing() -> None:
    assert in_use([], [revision("1", ONE, "env")], [], []).images == ()


def test_images_of_a_resource_that_went_stay_for_a_while_and_superseded_ones_do_not() -> None:
    since: dict[str, float] = {}
    went, superseded, used = (
        "localmodel.dev/deployment/a@1",
        "localmodel.dev/deployment/b@1",
        "localmodel.dev/deployment/b@2",
    )
    assert kept_for_now({went, superseded}, {used}, since, 10.0, 3600.0) == {went}
    assert kept_for_now({went}, {used}, since, 3609.0, 3600.0) == {went}
    assert kept_for_now({went}, {used}, since, 3610.0, 3600.0) == set()
    assert kept_for_now(set(), {used, went}, since, 3611.0, 3600.0) == set() and since == {}, "it came again"
    assert kept_for_now({went}, (), since, 3612.0, 0.0) == set()
