"""What others write or delete between passes, and edits that no operator has looked at."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support.operator.pass_edits import ask_for
from support.operator.simulation import NAMESPACE, Simulation

from localmodel.cluster_records import names
from localmodel.cluster_records.decision import config_map_name
from localmodel_operator.cluster import CONFIG_MAP, DEPLOYMENT, REVISION


@pytest.fixture(name="sim")
async def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """`first` has served, and `second` serves."""
    sim = Simulation(tmp_path, monkeypatch)
    for answer in ("first", "second"):
        sim.serve(answer)
        await sim.settle()
    sim.answers = []
    return sim


def check_serves(sim: Simulation, answer: str, *answers: Any) -> None:
    """It serves and lasts; `answers` are all that were given at the address."""
    numbers = sim.owner()["status"]["revisions"]
    assert (sim.condition("Ready")["reason"], sim.condition("Durable")["status"]) == ("Serving", "True")
    assert numbers["serving"] == numbers["wanted"] == numbers["durable"]
    assert (sim.answer(), sim.answers) == (answer, list(answers))
    assert not sim.wrong()


async def test_edited_while_no_operator_runs(sim: Simulation) -> None:
    for answer in ("between", "third"):
        sim.serve(answer)
    owner = sim.owner()
    assert sim.answer() == "second"
    assert owner["status"]["observedGeneration"] < owner["metadata"]["generation"], "what was ready is not asked for"
    sim.start_operator()
    await sim.settle()
    check_serves(sim, "third", "second", "third")
    assert sim.numbers() == [1, 2, 3]


async def test_an_edit_ends_what_was_asked_for_before_the_operator_has_looked(sim: Simulation) -> None:
    ask_for(1)(sim)
    sim.serve("third")
    sim.start_operator()
    await sim.settle()
    check_serves(sim, "third", "second", "third")
    assert f"{names.SERVE_ANNOTATION}=1 does not hold" in sim.condition("Ready")["message"]


async def test_the_decision_is_deleted(sim: Simulation) -> None:
    """Pods have heard of later decisions than the first one of a new row."""
    found = sim.api.find(CONFIG_MAP, NAMESPACE, config_map_name("app"))
    assert found
    sim.api.remove(found)
    for answer in ("other", "second"):
        sim.serve(answer)
        await sim.settle()
    check_serves(sim, "second", "second", "other", "second")


async def test_a_forged_decision_is_written_anew(sim: Simulation) -> None:
    found = copy.deepcopy(sim.api.find(CONFIG_MAP, NAMESPACE, config_map_name("app")))
    assert found
    content = f"sha256:{hashlib.sha256(b'evil').hexdigest()}"
    told = {**json.loads(found["data"]["wanted.json"]), "epoch": 99, "revision": 9, "content": content}
    found["data"]["wanted.json"] = json.dumps(told)
    sim.api.put(found)
    sim.look_again()
    await sim.settle()
    decided = sim.decided()
    assert decided and 0 < decided.epoch < 99
    check_serves(sim, "second", "second")


async def test_a_revision_of_somebody_elses(sim: Simulation) -> None:
    """It is newer, asks for what the user asks for, and has another template: only the signature is not its own."""
    last = sim.api.find(REVISION, NAMESPACE, "app-r2")
    assert last
    kept = {name: last["metadata"][name] for name in ("labels", "annotations", "ownerReferences", "namespace")}
    forged = copy.deepcopy({**last, "revision": 3, "metadata": {**kept, "name": "app-r3"}})
    forged["data"]["template"]["spec"]["containers"][0]["env"].append({"name": "EVIL", "value": "1"})
    forged["data"]["template"]["metadata"]["labels"][names.REVISION_LABEL] = "3"
    broken = {**forged, "revision": 4, "data": {"image": 1}, "metadata": {**kept, "name": "app-r4"}}
    for each in (forged, broken):
        sim.api.put(each)
    ask_for(3)(sim)
    await sim.settle()
    ready = sim.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "RevisionNotFound")
    assert "app-r3" in ready["message"].partition("not made by the operator")[2]
    sim.apply({**sim.owner(), "metadata": {"name": "app", "annotations": {}}})
    sim.serve("third")
    await sim.settle()
    check_serves(sim, "third", "second", "third")
    assert "EVIL" not in json.dumps(sim.api.all(DEPLOYMENT))
    assert sim.owner()["status"]["revisions"]["serving"] == 5, "names that are taken are passed over"
