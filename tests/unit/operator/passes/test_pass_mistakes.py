"""Mistakes in a manifest that no pod meets: told in the user's terms, while the revision before goes on serving.

Those that need real pods, and a real resolver, are in tests/e2e/edits/test_bad_input.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support import given
from support.operator import simulation
from support.operator.simulation import NAMESPACE, OTHER_PORT, PORT, Simulation

from localmodel import reasons
from localmodel.environments.locks import lock
from localmodel.errors import UserError
from localmodel_operator.cluster import DEPLOYMENT, EVENT
from localmodel_operator.status import conditions

GOOD = given.script("good")
RUN = "\n\ndef run(raw_data):\n    return 1\n"


def variable(kind: str, key: str) -> given.Object:
    """spec.env with one variable from an object that exists."""
    return {"env": [{"name": "PASSWORD", "valueFrom": {kind: {"name": "things", "key": key}}}]}


def requirements(*listed: str) -> given.Object:
    return {"environment": {"requirements": list(listed)}}


def scripted(text: str) -> given.Object:
    return {"scoring": given.inline(text)}


# Fields of the spec, and what Ready, Stalled and an Event tell of them.
MISTAKES: dict[str, tuple[given.Object, str, tuple[str, ...]]] = {
    "no such model": (
        {"models": [{"name": "nobody", "version": 1}]},
        "ModelNotFound",
        ("spec.models[0]", "nobody", "lmd model register"),
    ),
    "no such version": (
        {"models": [{"name": "word", "version": 999}]},
        "VersionNotFound",
        ("spec.models[0]", "word", "999", "its versions: 1, 2"),
    ),
    "no init": (scripted(RUN), "EntryScriptInvalid", ("score.py: no function init()",)),
    "no run": (scripted("def init():\n    pass\n"), "EntryScriptInvalid", ("score.py: no function run(raw_data)",)),
    "syntax error": (
        scripted("def init():\n    pass\n\n\ndef run(raw_data:\n"),
        "EntryScriptInvalid",
        ("score.py:5: SyntaxError",),
    ),
    "no such package": (
        requirements("localmodel-no-such-package==1"),
        "RequirementsUnresolvable",
        ("spec.environment.requirements", "localmodel-no-such-package"),
    ),
    "conflicting packages": (
        requirements("numpy==1.24.4", "scipy==1.17.1"),
        "RequirementsUnresolvable",
        ("spec.environment.requirements", "numpy==1.24.4", "scipy==1.17.1"),
    ),
    "not a requirement": (
        requirements("six", "six=1.0"),
        "RequirementsUnresolvable",
        ("spec.environment.requirements[1]", "'six=1.0'"),
    ),
    "a module in the place of its package": (
        requirements("six", "sklearn"),
        "RequirementsUnresolvable",
        ("spec.environment.requirements[1]: sklearn", "write scikit-learn"),
    ),
    "imports without packages": (
        scripted(f"import pandas\n\ndef init():\n    import json, yaml{RUN}"),
        "ModuleMissing",
        ("spec.environment.requirements: score.py:1 imports pandas, score.py:4 imports yaml", "add pandas, pyyaml"),
    ),
    "port not mapped": (
        {"service": {"localPort": 7000}},
        "PortUnmapped",
        ("spec.service.localPort", "7000", "free are: "),
    ),
    "no such ConfigMap": (
        {"scoring": given.from_config_map("nothing")},
        "SourceMissing",
        ("spec.scoring.source.configMap", "no ConfigMap nothing"),
    ),
    "ConfigMap without the script": (
        {"scoring": given.from_config_map("things")},
        "EntryScriptMissing",
        ("spec.scoring.entryScript", "score.py", "paint"),
    ),
    "no such Secret": (
        variable("secretKeyRef", "password"),
        "VariableSourceMissing",
        ("spec.env[0]", "Secret things does not exist"),
    ),
    "no such key": (
        variable("configMapKeyRef", "password"),
        "VariableSourceMissing",
        ("spec.env[0]", "ConfigMap things has no key password"),
    ),
}


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    async def run_uv(_: list[str], text: str = "", **__: Any) -> tuple[int, str, str]:
        return 1, "", f"No solution found: {text}"

    monkeypatch.setattr(lock, "run_uv", run_uv)
    return Simulation(tmp_path, monkeypatch)


async def serve_good(sim: Simulation) -> given.Object:
    """A deployment that serves, beside a ConfigMap with something else than a script, and a model of two versions."""
    for text in ("first model", "second model"):
        file = sim.store.root / "word.txt"
        file.write_text(text)
        sim.store.models.register("word", file)
    manifest = given.lmd("app", PORT, given.inline(GOOD))
    sim.apply(given.config_map("things", {"paint": "red"}))
    sim.apply(manifest)
    await sim.settle()
    assert sim.condition("Ready")["status"] == "True"
    return manifest


def check_stalled(sim: Simulation, name: str, reason: str, words: tuple[str, ...], namespace: str = NAMESPACE) -> None:
    """Conditions and an Event tell the reason, with these words."""
    owner = sim.owner(name, namespace)
    assert owner["status"]["observedGeneration"] == owner["metadata"]["generation"]
    stalled, ready = (sim.condition(kind, name, namespace) for kind in ("Stalled", "Ready"))
    assert (stalled["status"], stalled["reason"]) == ("True", reason)
    assert (ready["status"], ready["reason"]) == ("False", reason)
    events = [each for each in sim.api.all(EVENT, namespace) if each["involvedObject"]["name"] == name]
    warnings = [each["message"] for each in events if (each["type"], each["reason"]) == ("Warning", reason)]
    assert warnings
    for message in (stalled["message"], ready["message"], warnings[-1]):
        assert not [word for word in words if word not in message], message


@pytest.mark.parametrize(("fields", "reason", "words"), MISTAKES.values(), ids=MISTAKES.keys())
async def test_mistake_is_told_and_costs_nothing(
    sim: Simulation, fields: given.Object, reason: str, words: tuple[str, ...]
) -> None:
    good = await serve_good(sim)
    sim.answers = []
    sim.apply(given.with_fields(good, **fields))
    await sim.settle()
    check_stalled(sim, "app", reason, words)
    sim.apply(good)
    await sim.settle()
    assert sim.condition("Ready")["status"] == "True"
    assert sim.answers == ["good"]
    assert not sim.wrong()


async def test_kind_without_its_engine(sim: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    good = await serve_good(sim)

    async def call(*_: object) -> None:
        raise UserError(reasons.ENGINE_UNREACHABLE, "no Docker engine answers")

    monkeypatch.setattr(simulation.EngineOfKind, "call", call)
    sim.apply(given.with_fields(good, **scripted(given.script("edited"))))
    await sim.settle()
    check_stalled(sim, "app", "EngineUnreachable", ("no Docker engine answers; ", "lmd operator run --registry HOST"))
    assert sim.answer() == "good"


async def test_port_of_another(sim: Simulation) -> None:
    await serve_good(sim)
    second = given.lmd("second", PORT, given.inline(given.script("second")))
    sim.apply(second, "others")
    await sim.settle()
    words = ("spec.service.localPort", str(PORT), f"{NAMESPACE}/app", "free are: ")
    check_stalled(sim, "second", "PortTaken", words, "others")
    assert sim.answer() == "good"
    sim.apply(given.with_fields(second, service={"localPort": OTHER_PORT}), "others")
    await sim.settle()
    assert sim.condition("Ready", "second", "others")["status"] == "True"
    assert (sim.answer(), sim.answer("second", "others")) == ("good", "second")
    assert not sim.wrong()


async def test_port_that_the_status_has_and_the_service_has_not(sim: Simulation) -> None:
    await serve_good(sim)
    second = given.lmd("second", PORT, given.inline(given.script("second")))
    sim.apply({**second, "status": {"localPort": PORT}}, "others")
    await sim.settle()
    assert sim.condition("Ready", "second", "others")["reason"] == "PortTaken"
    assert "localPort" not in sim.owner("second", "others")["status"]
    assert sim.condition("Ready")["status"] == "True"


def ever_stalled(sim: Simulation, name: str) -> bool:
    shown = [seen["status"] for _, seen in sim.api.history if seen["metadata"]["name"] == name and "status" in seen]
    return any(conditions.holds(status, "Stalled") for status in shown)


async def test_port_of_one_that_is_being_deleted(sim: Simulation) -> None:
    await serve_good(sim)
    owner = sim.owner()
    ending = {"deletionTimestamp": "2026-01-02T00:00:00Z", "finalizers": ["team.example/kept"]}
    sim.api.put({**owner, "metadata": {**owner["metadata"], **ending}})
    sim.apply(given.lmd("second", PORT, given.inline(given.script("second"))))
    await sim.settle()
    ready = sim.condition("Ready", "second")
    assert (ready["reason"], sim.condition("Reconciling", "second")["status"]) == ("PortPending", "True")
    assert ready["message"] == (
        f"spec.service.localPort: {PORT} is still held by Service {NAMESPACE}/app, which is being deleted"
    )
    assert sim.answer() == "good"
    sim.delete("app")
    await sim.settle()
    assert (sim.condition("Ready", "second")["status"], sim.answer("second")) == ("True", "second")
    assert not ever_stalled(sim, "second")
    assert not sim.wrong()


async def test_new_one_waits_for_the_one_whose_place_it_takes(sim: Simulation) -> None:
    await serve_good(sim)
    second = given.lmd("second", PORT, given.inline(given.script("second")))
    second["metadata"]["creationTimestamp"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sim.apply(second)
    await sim.settle()
    ready = sim.condition("Ready", "second")
    assert (ready["reason"], sim.condition("Reconciling", "second")["status"]) == ("PortPending", "True")
    assert f"{PORT} is taken by Service {NAMESPACE}/app; free are: " in ready["message"]
    sim.delete("app")
    await sim.settle()
    assert (sim.condition("Ready", "second")["status"], sim.answer("second")) == ("True", "second")
    assert not ever_stalled(sim, "second")
    assert not sim.wrong()


async def test_deployment_of_another_owner(sim: Simulation) -> None:
    template = {"metadata": {"labels": {"app": "theirs"}}, "spec": {"containers": [{"name": "theirs"}]}}
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app", "namespace": NAMESPACE},
        "spec": {"replicas": 0, "selector": {}, "strategy": {"type": "RollingUpdate"}, "template": template},
    }
    sim.apply(theirs)
    sim.serve("good")
    await sim.settle()
    check_stalled(sim, "app", "NotOwned", ("Deployment app", NAMESPACE, "rename"))
    after = sim.api.find(DEPLOYMENT, NAMESPACE, "app")
    assert after
    assert (after["spec"], after["metadata"].get("ownerReferences")) == (theirs["spec"], None)
    sim.api.remove(after)
    sim.serve("good")
    await sim.settle()
    assert (sim.condition("Ready")["status"], sim.answer()) == ("True", "good")
    assert not sim.wrong()
