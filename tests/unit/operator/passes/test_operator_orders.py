"""An edit, a request for an earlier revision, and the operator's look, in every order."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from support.operator.operator_resource import NAME, Resource

from localmodel_operator.cluster import CONFIG_MAP, REVISION

KEPT, NOT_KEPT = 1, 99

# A has served as revision 1, B as revision 2, and the operator looks once more at the end of each row. The columns
# are what serves then: `asked` is revision 1, asked for; a name alone is what the spec says, and the status says so;
# `refused`: what served goes on, and the status says that the request cannot be met.
#
#   ask    for revision 1, or for one that is not kept      edit    the script, to C, then to D
#   look   the operator                                     back    the script as it was, to B
#   scale  the replicas: another generation, same inputs    inside  a ConfigMap that the spec names: same generation
ORDERS = """
order                     by hand  by lmd   by hand, not kept  by lmd, not kept
ask                       asked    asked    B refused          B refused
ask look                  asked    asked    B refused          B refused
edit ask                  C        asked    C                  B refused
ask edit                  C        C        C                  C
edit look ask             asked    asked    C refused          C refused
ask look edit             C        C        C                  C
edit ask edit             D        D        D                  D
edit ask look edit        D        D        D                  D
ask look edit look back   B        B        B                  B
ask edit look back        B        B        B                  B
ask look edit look ask    asked    asked    C refused          C refused
edit look ask look edit   D        D        D                  D
ask edit back             asked    asked    B refused          B refused
ask scale                 asked    asked    B refused          B refused
scale ask                 asked    asked    B refused          B refused
ask look scale            asked    asked    B refused          B refused
ask scale look edit       C        C        C                  C
ask inside                C        C        C                  C
inside ask                C        C        C                  C
inside look ask           asked    asked    C refused          C refused
ask look inside           C        C        C                  C
"""
_LINES = [re.split(r" {2,}", line) for line in ORDERS.strip().splitlines()[1:]]
_COLUMNS = [("hand", KEPT), ("lmd", KEPT), ("hand", NOT_KEPT), ("lmd", NOT_KEPT)]
ROWS = [
    (order, by, number, cell) for order, *cells in _LINES for (by, number), cell in zip(_COLUMNS, cells, strict=True)
]


@pytest.fixture(name="resource")
def given_resource(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Resource:
    """A and B have served, as revisions 1 and 2."""
    resource = Resource(tmp_path, monkeypatch)
    resource.look()
    resource.edit("B")
    resource.look()
    assert (resource.serving, resource.ready["reason"]) == ("B", "Serving")
    return resource


def happen(resource: Resource, order: str, by: str = "hand", number: int = KEPT) -> None:
    scripts = itertools.count(ord("C"))
    happens = {
        "ask": lambda: resource.ask(number, by),
        "look": resource.look,
        "edit": lambda: resource.edit(chr(next(scripts))),
        "back": lambda: resource.edit("B"),
        "scale": lambda: resource.edit(resource.inputs),
        "inside": lambda: setattr(resource, "inputs", chr(next(scripts))),
    }
    for each in order.split():
        happens[each]()


@pytest.mark.parametrize(("order", "by", "number", "expected"), ROWS)
def test_orders(resource: Resource, order: str, by: str, number: int, expected: str) -> None:
    happen(resource, order, by, number)
    for _ in range(2):  # another look changes nothing
        resource.look()
        ready = resource.ready
        assert ready["observedGeneration"] == resource.owner["metadata"]["generation"]
        if expected == "asked":
            assert (resource.serving, ready["reason"], ready["status"]) == ("A", "ServingAsked", "True")
            asker = "lmd rollback" if by == "lmd" else "localmodel.dev/serve-revision"
            assert f", as {asker} asks; the next edit ends that" in ready["message"]
        elif expected.endswith(" refused"):
            assert (f"{resource.serving} refused", ready["reason"], ready["status"]) == (
                expected,
                "RevisionNotFound",
                "False",
            )
            assert f"there is no revision {number}; kept are: 1, 2" in ready["message"]
            way_out = f"kubectl annotate lmd {NAME} --namespace team localmodel.dev/serve-revision-, or edit"
            assert way_out in ready["message"]
        else:
            assert (resource.serving, ready["reason"], ready["status"]) == (expected, "Serving", "True")
            assert resource.inputs == expected
            assert f"serve-revision={number} does not hold" in ready["message"]
    resource.edit("E")
    resource.look()
    assert (resource.serving, resource.ready["reason"]) == ("E", "Serving"), "the next edit, whatever was before"


def test_a_request_is_taken_back(resource: Resource) -> None:
    happen(resource, "ask look")
    resource.owner["metadata"]["annotations"] = {}
    resource.look()
    assert (resource.serving, resource.ready["message"].partition(" serves at")[0]) == ("B", "revision 2")


def test_a_request_does_not_wait_for_an_environment_that_is_not_to_serve(resource: Resource) -> None:
    resource.unbuilt.add("C")
    happen(resource, "edit look")
    assert resource.ready["reason"] == "BuildingEnvironment" and resource.serving == "B"
    happen(resource, "ask look")
    assert (resource.serving, resource.ready["reason"]) == ("A", "ServingAsked"), "asked for after the edit was seen"
    resource.unbuilt.clear()
    resource.look()
    assert (resource.serving, resource.ready["reason"]) == ("A", "ServingAsked")
    assert [each.inputs for each in resource.history] == ["A", "B", "C"]


def test_a_revision_that_was_asked_for_and_fails_is_left_until_the_next_edit(resource: Resource) -> None:
    """One that failed before, or that does not start any more."""
    resource.broken = {"C", "A"}
    happen(resource, "edit look")
    assert (resource.serving, resource.ready["reason"]) == ("B", "InitFailed")
    for number in (3, 1):
        resource.ask(number)
        for _ in range(2):
            resource.look()
            assert (resource.serving, resource.ready["reason"], resource.ready["status"]) == (
                "B",
                "InitFailed",
                "False",
            )
            assert f"serve-revision={number}: score.py:1: KeyError; remove the annotation" in resource.ready["message"]
    resource.edit("D")
    resource.look()
    assert (resource.serving, resource.ready["reason"]) == ("D", "Serving")


def test_a_copy_that_brings_an_annotation_serves_its_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kubectl get -o yaml, and apply elsewhere."""
    resource = Resource(tmp_path, monkeypatch)
    resource.ask(1, by="lmd")
    resource.look()
    assert (resource.serving, resource.ready["reason"]) == ("A", "Serving")


@pytest.mark.parametrize("order", ["ask look", "edit look", "ask look edit look"])
def test_a_decision_that_is_deleted_is_made_again(resource: Resource, order: str) -> None:
    happen(resource, order)
    before, reason = resource.serving, resource.ready["reason"]
    resource.lose(CONFIG_MAP)
    resource.look()
    assert (resource.serving, resource.ready["reason"]) == (before, reason)


@pytest.mark.parametrize("gone", [(REVISION,), (REVISION, CONFIG_MAP)], ids=["records", "records and decision"])
def test_no_number_is_used_twice(resource: Resource, gone: tuple[object, ...]) -> None:
    resource.broken = {"D"}
    happen(resource, "edit look edit look ask look")  # revision 4 has failed, and revision 1 serves
    assert [each.number for each in resource.history] == [1, 2, 3, 4]
    for kind in gone:
        resource.lose(kind)  # type: ignore[arg-type]
    resource.edit("E")
    resource.look()
    assert [each.number for each in resource.history] == [5]


def test_a_decision_that_is_deleted_in_the_middle_of_an_edit_is_no_failure(resource: Resource) -> None:
    resource.edit("C")
    resource.meanwhile = lambda: resource.lose(CONFIG_MAP)
    resource.look()
    assert resource.ready["reason"] == "Updating"
    resource.look()
    assert (resource.serving, resource.ready["reason"]) == ("C", "Serving")
    assert [each.inputs for each in resource.history] == ["A", "B", "C"], "what may have served is kept"


def test_failed_revisions_push_none_out_that_have_served(resource: Resource) -> None:
    resource.limit, resource.broken = 2, {"D", "E", "F", "G"}
    happen(resource, "edit look edit look edit look edit look edit look")  # C serves, and four edits fail
    assert resource.serving == "C"
    resource.edit("H")
    resource.look()
    assert [each.inputs for each in resource.history] == ["B", "C", "G", "H"], (
        "two that served, and the last that failed"
    )


def test_an_edit_is_compared_with_what_serves(resource: Resource) -> None:
    """Not with one that failed, or that another edit has overtaken."""
    resource.broken = {"C"}
    happen(resource, "edit look edit look")
    resource.ask(1)
    resource.look()
    resource.edit("E")
    resource.look()
    assert resource.compared == {1: None, 2: 1, 3: 2, 4: 2, 5: 1}
