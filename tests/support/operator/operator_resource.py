"""Passes of the operator over one resource, against an API of plain objects: what is built, sent and asked is left out.

The user's decisions are one word, the name of what is to answer: it stands for the digest of the inputs.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from localmodel.cluster_records import names
from localmodel.cluster_records.revisions import RevisionData
from localmodel.resource.spec import DeploymentSpec, Source
from localmodel_operator import children
from localmodel_operator.children import Exposure
from localmodel_operator.cluster import CONFIG_MAP, LMD, REVISION, Kind
from localmodel_operator.operator import Operator
from localmodel_operator.passes import availability, deliver, exposure, reconcile, roll_out, verify
from localmodel_operator.passes.context import Pass
from localmodel_operator.passes.preparation import prepare
from localmodel_operator.passes.preparation.build import Building
from localmodel_operator.pods import address
from localmodel_operator.pods.last_states import LastStates
from localmodel_operator.records import decision, history
from localmodel_operator.records.keys import Signer
from support.operator.fake_api import Api, Call, Connection, Object, copied
from support.operator.operator_given import revision

NAME = "digits"
METADATA = {"name": NAME, "namespace": "team", "uid": "8f5c", "annotations": {}}


class Resource:
    """A resource, and what the operator has made of it. `broken`: inputs whose revision fails when it is brought in;
    `unbuilt`: those whose environment is being installed. `compared`: which revision each new one was compared with.
    `meanwhile` happens once, in the middle of a pass.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.api, self.signer, self.inputs = Api(), Signer(Ed25519PrivateKey.generate()), "A"
        self.cluster = Connection(self.api, _no_pods, _no_pods, self)
        self.broken, self.unbuilt = set[str](), set[str]()
        self.compared: dict[int, int | None] = {}
        self.meanwhile: Callable[[], None] = _nothing
        self.limit = 50
        self.api.put({"apiVersion": LMD.api_version, "kind": LMD.name, "metadata": METADATA, "spec": {}})
        self.operator = SimpleNamespace(
            cluster=self.cluster,
            signer=self.signer,
            queue=SimpleNamespace(add=_nothing, add_after=_nothing, retry=_nothing, forgive=_nothing),
            environments=SimpleNamespace(want=_nothing),
            layout=SimpleNamespace(root=folder),
            admin=SimpleNamespace(last_states=LastStates()),
            kind_cluster=None,
        )
        monkeypatch.setattr(reconcile, "_resolve", self._resolve)
        monkeypatch.setattr(exposure, "choose", _inside)
        monkeypatch.setattr(address, "problem", _no_problem)
        monkeypatch.setattr(reconcile, "_is_deliverable", _true)
        monkeypatch.setattr(reconcile, "RevisionBuilder", lambda *_: self)
        monkeypatch.setattr(availability, "check", _none)
        monkeypatch.setattr(availability, "report_change", _none)
        monkeypatch.setattr(prepare, "prepare_pods", self._prepare)
        monkeypatch.setattr(deliver, "deliver", _none)
        monkeypatch.setattr(roll_out, "begin", _true)
        monkeypatch.setattr(roll_out, "follow", _none)
        monkeypatch.setattr(verify, "is_due", lambda *_: True)
        monkeypatch.setattr(verify, "is_durable", lambda *_: True)

    @property
    def owner(self) -> Object:
        return self.api.objects[LMD.name, "team", NAME]

    def lose(self, kind: Kind) -> None:
        """Somebody deletes all objects of this kind."""
        for found in self.api.all(kind):
            self.api.remove(found)

    def asked(self, call: Call) -> None: ...
    def wrote(self, call: Call) -> None: ...

    def edit(self, inputs: str) -> None:
        self.inputs = inputs
        self.owner["metadata"]["generation"] += 1

    def ask(self, number: int | str, by: str = "hand") -> None:
        against = f" generation={self.owner['metadata']['generation']}" if by == "lmd" else ""
        self.owner["metadata"]["annotations"][names.SERVE_ANNOTATION] = f"{number}{against} {next(_TIMES)}"

    def look(self) -> None:
        """Passes of the operator, until one has nothing more to do at once."""
        for _ in range(9):
            spec = DeploymentSpec("score.py", Source(config_map="code"), revision_history_limit=self.limit)
            again = asyncio.run(reconcile.run(Pass(cast(Operator, self.operator), copied(self.owner), spec)))
            if again != 0:
                return
        raise AssertionError("the passes do not end")

    @property
    def serving(self) -> str:
        """What answers."""
        return next(each.inputs for each in self.history if each.number == self.decided.good)

    @property
    def decided(self) -> decision.Decision:
        found = self.api.find(CONFIG_MAP, "team", f"{NAME}-wanted")
        return decision.read(found, decision.owner_of(self.owner), self.signer) or decision.FIRST

    @property
    def history(self) -> list[history.RecordedRevision]:
        return sorted(map(history.recorded, self.api.all(REVISION)), key=lambda each: each.number)

    @property
    def ready(self) -> Object:
        """The condition, with the generation that the status speaks of."""
        status = self.owner["status"]
        found: Object = next(each for each in status["conditions"] if each["type"] == "Ready")
        return {**found, "observedGeneration": status["observedGeneration"]}

    async def _resolve(self, context: Pass, _: object) -> Any:
        return SimpleNamespace(inputs=self.inputs, bundle=SimpleNamespace(gate=()))

    async def _prepare(self, context: Pass, choice: Any, previous: Any, desired: Any, observed: Any) -> Any:
        meanwhile, self.meanwhile = self.meanwhile, _nothing
        meanwhile()
        await prepare.record(context, choice, previous, observed, None, b"")
        if choice.target.inputs in self.broken:
            await prepare.give_up(context, choice, observed, "InitFailed", "score.py:1: KeyError")
        return await context.observe()

    async def build(self, desired: Any, newest: Any, before: Any, number: int, epoch: int) -> Any:
        """What build.RevisionBuilder does."""
        if self.inputs in self.unbuilt:
            raise Building("the environment is being installed")
        self.compared[number] = before and before.number
        template = {"metadata": {}, "spec": {"containers": [{}]}}
        data = RevisionData(revision(self.inputs), self.inputs, "image", "key", template)
        made = children.controller_revision(self.owner, number, data)
        made["metadata"]["annotations"] = history.signature(decision.owner_of(self.owner), made, self.signer)
        assert made["data"]["digests"] == asdict(revision(self.inputs))
        return history.recorded(await self.cluster.create(REVISION, "team", made))


_TIMES = itertools.count()


def _nothing(*_: Any) -> None:
    return None


def _no_pods(*_: Any) -> Any:
    raise AssertionError("there are none")


async def _none(*_: Any) -> None:
    return None


async def _inside(*_: Any) -> Exposure:
    return Exposure("ClusterIP")


async def _no_problem(*_: Any) -> str:
    return ""


async def _true(*_: Any, **__: Any) -> bool:
    return True
