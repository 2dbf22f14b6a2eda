"""An operator that makes its passes over an API server of plain objects, one after the other, on a clock of its own.

Real are all steps of a pass, the store, the images' layout and the environments' records; imitated are the API server
(fake_api), pods (fake_pods), the engine, how images reach nodes, and the question at the address.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from localmodel.cluster_records import names
from localmodel.cluster_records.decision import config_map_name
from localmodel.engine import environment_image, nodes
from localmodel.engine.bases import Origin
from localmodel.engine.client import Engine
from localmodel.engine.nodes import Node
from localmodel.environments.layers import server
from localmodel.oci.layout import Layout
from localmodel.resource import schema
from localmodel.store import Store
from localmodel.updates.held import Held
from localmodel.updates.image import EnvironmentImage, Image
from localmodel_operator import main
from localmodel_operator.cluster import CONFIG_MAP, HTTP_ROUTE, INGRESS, LMD, REVISION, SERVICE
from localmodel_operator.images.delivery import Delivered
from localmodel_operator.images.environments import Environments
from localmodel_operator.inputs import fetches
from localmodel_operator.inputs.fetch import Request
from localmodel_operator.inputs.fetches import Fetches, Run, Shown
from localmodel_operator.inputs.references import References
from localmodel_operator.operator import SWEEP, Operator
from localmodel_operator.pods import address
from localmodel_operator.pods.address import Front, InCluster, Place
from localmodel_operator.pods.admin import Admin
from localmodel_operator.records import decision
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.keys import Signer
from localmodel_operator.status import conditions
from localmodel_operator.workqueue import Key, WorkQueue
from support import given
from support.operator import timeline
from support.operator.fake_api import Api, Call, Connection, Object, Trouble, copied
from support.operator.fake_jobs import Jobs
from support.operator.fake_pods import Pods, Server
from support.operator.timeline import PodVersion, Version

NAMESPACE = "team"
PORT, OTHER_PORT = 6789, 6790
PORTS = {PORT: 30789, OTHER_PORT: 30790}  # of localhost -> of the node
_QUIET = 3.0  # seconds without a change: what looks at pods again and again does so more often

Manifest = dict[str, Any]


class Queue:
    """The work queue, on a clock that only moves when there is nothing to do."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key) -> None:
        self.add_after(0.0, key)

    look_again = add

    def add_after(self, delay: float, key: Key) -> None:
        if key != SWEEP:
            self._due[key] = min(self._due.get(key, self.now + delay), self.now + delay)

    def retry(self, key: Key) -> None:
        self._failures[key] = self._failures.get(key, 0) + 1
        self.add_after(0.5 * 2 ** (self._failures[key] - 1), key)

    def forgive(self, key: Key) -> None:
        self._failures.pop(key, None)

    def next(self, until: float) -> Key | None:
        """What is due first, if that is before `until`."""
        key = min(self._due, key=lambda each: self._due[each], default=None)
        if key is None or self._due[key] > until:
            return None
        self.now = max(self.now, self._due.pop(key))
        return key


class EngineOfKind:
    """One node of a kind cluster, and environments that are there at once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        await asyncio.sleep(0)
        if function is nodes.nodes:
            return [Node("id", "node", tuple(PORTS.items()))]
        assert function is environment_image.make, function
        layer = self._layout.add(str(arguments[:2]).encode())
        return EnvironmentImage("base", "amd64", "linux", (), (layer,))

    lend = call


class _Delivery:
    """Nodes have an image as soon as it is sent."""

    pull_policy, everywhere = "Never", "every node has the image"

    def __init__(self, images: set[str], held: list[Mapping[str, Held]]) -> None:
        self._images, self._held = images, held

    def repository(self, owner_uid: str) -> str:
        return names.repository(owner_uid)

    async def lacking(self, reference: str) -> list[str]:
        return [] if reference in self._images else ["node"]

    async def deliver(
        self, image: Image, reference: str, held: Mapping[str, Held], done: Callable[[], None]
    ) -> Delivered:
        self._held.append(held)
        self._images.add(reference)
        return Delivered(("node",))

    def doubt(self) -> None: ...
    def renew(self) -> None: ...
    def swept(self, references: Collection[str]) -> None: ...
    def stop(self) -> None: ...


class Simulation:
    """A cluster, and the operator that serves it.

    `calls` are all that operators have asked for, `written` the places among them of those that changed something;
    `trouble` is asked what becomes of each. `answers` are those at the address of `app`, without repetitions (None:
    nothing answers); `lies` what a status said that was not so then; `held` what nodes had of the images sent to them.
    `unreachable` are addresses that the operator cannot connect to; `connections` how many it makes for a pod.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self._layout = Store(folder), Layout(folder / "images")
        self.api = Api()
        self.pods = Pods(self.api, self._layout)
        self.jobs = Jobs(self.api, self.pods)
        self.signer = Signer(Ed25519PrivateKey.generate())
        self.calls: list[Call] = []
        self.written: list[int] = []
        self.trouble: Callable[[Call], Trouble | None] = lambda call: None
        self.fetch: Run = fetches.in_a_process
        self.answers: list[Any] = []
        self.lies: list[str] = []
        self.unreachable = set[str]()
        self.held: list[Mapping[str, Held]] = []
        self.connections: list[int] = []
        self.start_operator()
        monkeypatch.setattr(asyncio, "to_thread", _here)
        monkeypatch.setattr(os, "fsync", lambda _: None)
        monkeypatch.setattr(server, "digest", lambda: "sha256:server")
        monkeypatch.setattr(address, "revision_at", self._revision_at)
        monkeypatch.setattr(address, "problem", self._problem)
        monkeypatch.setattr(address, "is_reached", self._is_reached)

    def start_operator(self) -> None:
        """An operator that knows nothing but what stands in the cluster and in the store."""
        self._queue = Queue()
        self._connection = Connection(self.api, self.pods.proxy, self.jobs.file, self)
        engine = cast(Engine, EngineOfKind(self._layout))
        self._operator = Operator(
            cluster=self._connection,
            engine=engine,
            store=self.store,
            layout=self._layout,
            environments=Environments(engine, self._layout, "store", self._environments, 0.0, Origin("amd64")),
            references=References(),
            fetches=Fetches(self._fetch),
            queue=cast(WorkQueue, self._queue),
            delivery=_Delivery(self.pods.images, self.held),
            admin=Admin(self._connection, self.signer),
            signer=self.signer,
            architecture="amd64",
            cluster_uid="cluster",
            kind_cluster="kind",
            namespaces=(),
            keep_seconds=0.0,
            verify=lambda local_port, node_port: f"http://node:{node_port}",
        )
        self.look_again()

    async def _fetch(self, request: Request, show: Shown) -> int:
        return await self.fetch(request, show)

    def saved(self) -> bytes:
        """All that is there now, for back_to()."""
        built = {path: path.read_bytes() for path in self._environments.glob("*")}
        return pickle.dumps((vars(self.api), self.pods.servers, self.pods.images, built))

    def back_to(self, saved: bytes) -> None:
        """Have it all as it was, but for what no pass sees, with an operator that has just started."""
        of_api, self.pods.servers, self.pods.images, built = pickle.loads(saved)
        vars(self.api).update(of_api)
        for path in self._environments.glob("*"):
            path.unlink()
        for path, content in built.items():
            path.write_bytes(content)
        self.trouble = lambda call: None
        self.calls, self.written, self.answers, self.lies = [], [], [self.answer()], []
        self.start_operator()

    @property
    def _environments(self) -> Path:
        return self._layout.root / "environments"

    # -- what users do ------------------------------------------------------------------------------------------------

    def apply(self, manifest: Manifest, namespace: str = NAMESPACE) -> None:
        """`kubectl apply`, of a resource or of what it names."""
        metadata = {"namespace": namespace, **manifest["metadata"]}
        self.api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        if manifest["kind"] != LMD.name:
            self.api.put({**manifest, "metadata": metadata})
        else:
            there = self.api.find(LMD, namespace, metadata["name"]) or {"metadata": {}}
            filled = copied(manifest)
            schema.fill_in(filled, schema.resource_schema())
            self.api.put({**there, **filled, "metadata": {**there["metadata"], **metadata}})
        self.look_again()

    def serve(self, answer: str, **fields: Any) -> None:
        """Apply `app` with a script that gives this answer, and further fields of the spec."""
        self.apply(given.lmd("app", PORT, given.inline(given.script(answer)), **fields))

    def overtake(self) -> None:
        """End the pass under way, as an edit does."""
        self._running.cancel()

    def delete(self, name: str, namespace: str = NAMESPACE) -> None:
        self.api.remove(self.owner(name, namespace))
        self._queue.add((namespace, name))

    # -- what can be seen ---------------------------------------------------------------------------------------------

    def owner(self, name: str = "app", namespace: str = NAMESPACE) -> Object:
        found = self.api.find(LMD, namespace, name)
        assert found
        return found

    def condition(self, kind: str, name: str = "app", namespace: str = NAMESPACE) -> Object:
        return dict(conditions.find(self.owner(name, namespace).get("status", {}), kind))

    def decided(self, name: str = "app") -> Decision | None:
        """What the operator has written down, if it is signed."""
        found = self.api.find(CONFIG_MAP, NAMESPACE, config_map_name(name))
        return decision.read(found, decision.owner_of(self.owner(name)), self.signer)

    def numbers(self) -> list[int]:
        """Of the revisions that are recorded."""
        return sorted(each["revision"] for each in self.api.all(REVISION))

    def answer(self, name: str = "app", namespace: str = NAMESPACE) -> Any:
        """What is answered at the address; None: nothing. A list, where not all pods answer the same."""
        found = sorted({server.answer for server in self.pods.answering(namespace, name)})
        return found[0] if len(found) == 1 else (found or None)

    def wrong(self) -> list[str]:
        """What of the statuses was not so, or breaks the rules for statuses, from the first one on."""
        versions = [Version(0.0, deleted, found) for deleted, found in self.api.history if found["kind"] == LMD.name]
        serving = [
            (deleted, found)
            for deleted, found in self.api.history
            if names.DEPLOYMENT_LABEL in found["metadata"].get("labels", {})
        ]
        pods = [_pod_version(deleted, found) for deleted, found in serving if found["kind"] == "Pod"]
        found = list(self.lies)
        for row in timeline.rows(versions):
            before: Mapping[str, Any] = {}
            for version in row:
                if "conditions" in version.status:
                    found += timeline.broken_rules(version.found, before)
                before = {each["type"]: each for each in version.status.get("conditions", [])}
            for rule in (timeline.wrong_words, timeline.went_back, timeline.swallowed_edits):
                found += rule(row)
            found += timeline.wrong_durable(row, pods)
        return found

    # -- time ---------------------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Passes, and what becomes of their work, until nothing has changed for a while."""
        changed_at = self._queue.now
        for _ in range(400):
            before = self.api.version
            self.pods.step()
            self.jobs.step()
            self._watch()
            if building := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(building)
            if self.api.version != before:
                self.look_again()
            key = self._queue.next(changed_at + _QUIET)
            if key is None:
                return
            await self._look(key)
            if self.api.version != before:
                changed_at = self._queue.now
                self.look_again()
        raise AssertionError(f"the passes do not end: {[*map(str, self.calls[-40:])]}")

    async def _look(self, key: Key) -> None:
        """A pass, as the work queue has it made."""
        self._running = asyncio.create_task(main.look_at(self._operator, "cluster", (), key))
        try:
            await asyncio.wait([self._running])
            if not self._running.cancelled():
                self._running.result()
        except Exception:
            self._queue.retry(key)
        if self._connection.has_ended:
            self.start_operator()

    def asked(self, call: Call) -> Trouble | None:
        self.calls.append(call)
        self._watch()
        return self.trouble(call)

    def wrote(self, call: Call) -> None:
        self.written.append(len(self.calls) - 1)

    def look_again(self) -> None:
        """Have every resource looked at, as an event or the time does."""
        for each in self.api.all(LMD):
            self._queue.add((each["metadata"]["namespace"], each["metadata"]["name"]))

    def _watch(self) -> None:
        answer = self.answer()
        if not self.answers or self.answers[-1] != answer:
            self.answers.append(answer)
        for owner in self.api.all(LMD):
            self.lies += _lies(owner, self.pods.answering(owner["metadata"]["namespace"], owner["metadata"]["name"]))

    async def _revision_at(self, base: Place) -> str:
        return min(self._at(base), default="")

    async def _is_reached(self, front: Front) -> bool:
        return urlsplit(front.at).hostname not in self.unreachable

    async def _problem(self, base: Place, number: int, replicas: int, only_ready: bool, connections: int) -> str:
        self.connections.append(connections)
        answering = self._at(base)
        if not answering:
            return f"nothing answers at {base} (ConnectError)"
        others = answering - {str(number)}
        return f"{base} is still answered by revision {min(others)}" if others else ""

    def _at(self, base: Place) -> set[str]:
        """The revisions that answer at a node's port, or at a Service."""
        if isinstance(base, InCluster):
            is_there = self.api.find(SERVICE, base.namespace, base.name)
            return {server.serves.revision for server in self.pods.answering(base.namespace, base.name) if is_there}
        if isinstance(base, Front):
            return {server.serves.revision for each in self._behind(base) for server in self.pods.answering(*each)}
        host, port = urlsplit(base).hostname, urlsplit(base).port
        services = self.api.all(SERVICE)
        there = [
            each["metadata"]
            for each in services
            if port == each["spec"]["ports"][0].get("nodePort", -1)
            or {"ip": host} in each.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        ]
        return {
            server.serves.revision for each in there for server in self.pods.answering(each["namespace"], each["name"])
        }

    def _behind(self, front: Front) -> Iterator[tuple[str, str]]:
        """The namespaces and names of the Services that Ingresses and HTTPRoutes lead to from there."""
        called = urlsplit(front.url)
        for each in [*self.api.all(INGRESS), *self.api.all(HTTP_ROUTE)]:
            (rule,) = each["spec"]["rules"]
            if each["kind"] == INGRESS.name:
                (led,) = rule["http"]["paths"]
                hosts, path, service = [rule.get("host")], led["path"], led["backend"]["service"]["name"]
            else:
                hosts, path = each["spec"].get("hostnames", [None]), rule["matches"][0]["path"]["value"]
                service = rule["backendRefs"][0]["name"]
            if hosts[0] in (None, called.hostname) and path == (called.path or "/"):
                yield each["metadata"]["namespace"], service


async def _here(function: Callable[..., Any], *arguments: Any) -> Any:
    """In the place of asyncio.to_thread: in this thread, so that what comes first is always the same."""
    await asyncio.sleep(0)
    return function(*arguments)


def _lies(owner: Object, answering: Collection[Server]) -> Iterator[str]:
    """What the status says of a revision that serves, while another one answers, or none."""
    version = Version(0.0, False, owner)
    if version.is_ready and "serving" in version.revisions:
        answer = {server.serves.revision for server in answering}
        wanted = {str(version.revisions["serving"])} if owner["spec"]["replicas"] else set()
        if answer != wanted:
            yield f"{version}: {sorted(answer)} answers"


def _pod_version(deleted: bool, found: Object) -> PodVersion:
    metadata = found["metadata"]
    owner = metadata["namespace"], metadata["labels"][names.DEPLOYMENT_LABEL]
    revision = int(metadata["labels"][names.REVISION_LABEL])
    going = deleted or "deletionTimestamp" in metadata
    return PodVersion(int(metadata["resourceVersion"]), owner, metadata["uid"], revision, going)
