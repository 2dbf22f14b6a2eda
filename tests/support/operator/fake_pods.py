"""What makes pods of a Deployment, and the servers in them, as far as a pass sees them. Everything is a step away.

A server here runs the script it is given, in this process, and speaks the admin port's language: with the real check
of tokens, and the real choice of what a pod starts with.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localmodel import digests
from localmodel.cluster_records import names
from localmodel.oci.layout import Layout
from localmodel.updates import image
from localmodel_operator.cluster import CONFIG_MAP, DEPLOYMENT, POD, SERVICE, PodUnreachableError
from localmodel_server.admin import token
from localmodel_server.admin.folder import AcceptedRevision
from localmodel_server.admin.signature import DECISION, is_signed
from localmodel_server.admin.start import WantedRevision, choose
from localmodel_untrusted.replayed import Replayed
from localmodel_untrusted.replayed import read as read_replayed
from support.operator.fake_api import Api, Object, copied

_HASH = "pod-template-hash"
_NOTHING = AcceptedRevision(0, "", "")


class InitFailed(Exception):
    """The script does not load."""


@dataclass
class Server:
    """The server of one pod. `serves` is what it answers with, `answer` what that is; None: nothing.

    `captured` is what would come of asking another revision its captured requests, `replayed` what has come of it.
    `told` is how what is prepared is tried on clients' requests, `seen` what was counted since it was told. `killed` is
    when its container was killed for lack of memory, and started again.
    """

    uid: str
    env: Mapping[str, str]
    serves: AcceptedRevision = _NOTHING
    answer: Any = None
    newest: int = 0
    models: set[str] = field(default_factory=set)
    prepared: tuple[AcceptedRevision, Any] | None = None
    captured: Replayed | None = None
    replayed: Replayed | None = None
    told: Object | None = None
    seen: Object = field(default_factory=dict)
    on_hold: bool = False
    killed: str = ""

    @property
    def is_serving(self) -> bool:
        return self.answer is not None and not self.on_hold

    def start(self, code: Mapping[str, bytes], wanted: WantedRevision | None) -> None:
        """Serve the image's revision, or what is wanted instead. Raises InitFailed."""
        env = self.env
        own = AcceptedRevision(int(env["LOCALMODEL_EPOCH"]), env["LOCALMODEL_REVISION"], env["LOCALMODEL_CONTENT"])
        self.models = {each.partition("@")[2] for each in env["LOCALMODEL_MODEL"].split(",") if each}
        choice = choose(own, env["LOCALMODEL_ENVIRONMENT"], None, wanted, ())
        self.on_hold = choice.hold
        self.serves, self.newest = choice.serves, max(own.epoch, wanted.epoch if wanted else 0)
        if choice.source == "image":
            self.answer = _run(code["score.py"])
        elif choice.source == "bundle" and wanted:
            files = _unpacked(wanted.bundle)
            self.answer = _run(files["code/score.py"])

    def kill_for_memory(self, when: datetime) -> None:
        """Have its container killed; it serves again what it has served, and knows of nothing else."""
        self.killed, self.prepared, self.told = f"{when:%FT%TZ}", None, None

    def call(self, action: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Object]:
        """Answer a call of the operator's to the admin port."""
        key = base64.b64decode(self.env["LOCALMODEL_ADMIN_KEY"])
        claims = token.read_token(headers["X-Localmodel-Token"], key, self.uid, action, time.time())
        if action == "state":
            return 200, self._state()
        if action == "leave":
            return 200, {"revision": self.serves.revision, "kept": 0}
        if action == "answered":
            return 200, {"captured": self.captured.as_json() if self.captured else None}
        order = (claims.epoch, claims.content)
        if claims.epoch < self.newest or (claims.epoch == self.serves.epoch and order[1] != self.serves.content):
            return 409, {"message": f"epoch {claims.epoch} is refused: this pod has been told of epoch {self.newest}"}
        is_own = order == (self.serves.epoch, self.serves.content) and self.answer is not None
        has_committed = is_own and not self.on_hold
        if action == "abort":
            self.prepared = self.told = None
        elif action == "trial":
            return self._try_out(order, json.loads(body))
        elif action == "prepare" and not has_committed:
            return self._prepare(claims.epoch, claims.content, body)
        elif action == "replay":
            return self._replay(json.loads(body)["captured"])
        elif action == "commit" and is_own:
            self.on_hold = False
        elif action == "commit":
            return self._commit(order)
        return 200, {}

    def _prepare(self, epoch: int, content: str, body: bytes) -> tuple[int, Object]:
        files = _unpacked(body)
        told = json.loads(files["bundle.json"])
        self.newest, self.prepared, self.told = epoch, None, None
        assert (told["content"], told["environment"]) == (content, self.env["LOCALMODEL_ENVIRONMENT"])
        try:
            answer = _run(files["code/score.py"])
        except InitFailed as error:
            return 422, {"reason": "InitFailed", "message": str(error)}
        is_later = int(told["revision"]) > int(self.serves.revision or 0) and content != self.serves.content
        asked = self.captured if is_later and "LOCALMODEL_REPLAY" in told["variables"] else None
        if asked and asked.is_enough and asked.changed:
            return 422, {"reason": "ReplayFailed", "message": asked.text()}
        self.replayed = asked
        self.models |= {model["digest"] for model in told["models"]}
        self.prepared = AcceptedRevision(epoch, told["revision"], content), answer
        return 200, {}

    def _commit(self, order: tuple[int, str]) -> tuple[int, Object]:
        if self.prepared is None or (self.prepared[0].epoch, self.prepared[0].content) != order:
            self.answer = None
            return 409, {"message": f"epoch {order[0]} is not prepared here"}
        (self.serves, self.answer), self.prepared, self.told = self.prepared, None, None
        return 200, {}

    def _replay(self, captured: Any) -> tuple[int, Object]:
        assert self.on_hold, "only what is on hold is asked"
        self.replayed = read_replayed(captured) if captured else None
        if self.replayed and self.replayed.is_enough and self.replayed.changed:
            return 422, {"reason": "ReplayFailed", "message": self.replayed.text()}
        return 200, self._state()

    def _try_out(self, order: tuple[int, str], told: Object) -> tuple[int, Object]:
        if self.prepared is None or (self.prepared[0].epoch, self.prepared[0].content) != order:
            return 409, {"message": f"epoch {order[0]} is not prepared here"}
        if told != self.told:
            self.told, self.seen = told, {}
        return 200, {}

    def _trial(self) -> Object | None:
        if self.told is None:
            return None
        nothing = {"requests": 0, "failed": 0, "unavailable": 0, "milliseconds": []}
        counts = {role: {**nothing, **self.seen.get(role, {})} for role in ("serving", "candidate")}
        return {**self.told, **counts, "seconds": self.seen.get("seconds", 0.0), "copies": self.seen.get("copies")}

    def _state(self) -> Object:
        return {
            **self.serves._asdict(),
            "heard": self.newest,
            "environment": self.env["LOCALMODEL_ENVIRONMENT"],
            "serving": self.is_serving,
            "on_hold": self.on_hold,
            "models": sorted(self.models),
            "replayed": self.replayed.as_json() if self.replayed else None,
            "trial": self._trial(),
            "prepared": {"epoch": self.prepared[0].epoch} if self.prepared else None,
        }


def _run(script: bytes) -> Any:
    """What the script answers. Raises InitFailed."""
    module: dict[str, Any] = {}
    try:
        exec(script, module)
        module["init"]()
    except Exception as error:
        raise InitFailed(f"init() failed: score.py: {type(error).__name__}: {error}") from None
    return module["run"](b"null")


def _unpacked(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive if each.isfile()}  # type: ignore[union-attr]


class Pods:
    """The pods of every Deployment, and who of them answers. `images` are those that the nodes have."""

    def __init__(self, api: Api, layout: Layout) -> None:
        self._api, self._layout = api, layout
        self.servers: dict[str, Server] = {}
        self.images: set[str] = set()

    def step(self) -> None:
        """Do the next thing for each Deployment: end pods that go, start new ones, see which are ready, replace."""
        self._api.collect()
        for pod in self._of_deployments():
            if "deletionTimestamp" in pod["metadata"]:
                self._api.remove(pod)
            elif pod["metadata"]["uid"] not in self.servers:
                self._start(pod)
            elif pod["status"] != (now := _running(self.servers[_uid(pod)])):
                self._api.put({**pod, "status": now})
        self.servers = {uid: self.servers[uid] for uid in map(_uid, self._of_deployments()) if uid in self.servers}
        for deployment in self._api.all(DEPLOYMENT):
            self._replace(deployment)
            self._tell(deployment)

    def answering(self, namespace: str, name: str) -> list[Server]:
        """Who answers at the Service's address."""
        service = self._api.find(SERVICE, namespace, name)
        pods = self._api.all(POD, namespace, service["spec"]["selector"]) if service else []
        return [
            self.servers[_uid(pod)] for pod in pods if _is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        ]

    def proxy(
        self, namespace: str, name: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Object]:
        """A call through the API server. Raises PodUnreachableError."""
        pod = self._api.find(POD, namespace, name)
        server = self.servers.get(_uid(pod)) if pod else None
        if pod is None or server is None:
            raise PodUnreachableError(f"pod {name} is not there")
        was_on_hold = server.on_hold
        told = server.call(path, headers, body)
        if path in ("prepare", "trial", "commit", "abort", "replay"):
            self._api.version += 1  # which wakes nobody, but is a change
        if not was_on_hold:  # whether a new one is ready is seen with the next step
            self._api.put({**pod, "status": _running(server)})
        return told

    def _of_deployments(self) -> list[Object]:
        return [pod for pod in self._api.all(POD) if names.DEPLOYMENT_LABEL in pod["metadata"]["labels"]]

    def _replace(self, deployment: Object) -> None:
        spec, template = deployment["spec"], digests.of_json(deployment["spec"]["template"])[7:15]
        pods = [each for each in self._of(deployment) if "deletionTimestamp" not in each["metadata"]]
        new = [each for each in pods if each["metadata"]["labels"][_HASH] == template]
        old = [each for each in pods if each not in new]
        if spec["strategy"]["type"] == "Recreate" and old:
            going, coming = old, 0
        else:
            surplus = sum(map(_is_ready, new)) + len(old) - spec["replicas"]
            going = [*sorted(old, key=_is_ready), *new[spec["replicas"] :]][: max(surplus, 0)]
            most = spec["replicas"] + spec["strategy"].get("rollingUpdate", {"maxSurge": 0})["maxSurge"]
            coming = min(spec["replicas"] - len(new), most - len(pods))
        for pod in going:
            self._api.put({**pod, "metadata": {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}})
        for _ in range(coming):
            self._create(deployment, template)

    def _create(self, deployment: Object, template: str) -> None:
        metadata, of = copied(deployment["spec"]["template"]["metadata"]), deployment["metadata"]
        name = f"{of['name']}-{template}-{self._api.version}"
        owner = {"kind": "Deployment", "name": of["name"], "uid": of["uid"], "controller": True}
        metadata |= {"name": name, "namespace": of["namespace"], "ownerReferences": [owner]}
        metadata["labels"][_HASH] = template
        spec = {**deployment["spec"]["template"]["spec"], "nodeName": "node"}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self._api.put({**body, "status": {"phase": "Pending"}})

    def _start(self, pod: Object) -> None:
        (container,) = pod["spec"]["containers"]
        if container["image"] not in self.images:
            waiting = {"state": {"waiting": {"reason": "ErrImageNeverPull"}}}
            self._api.put({**pod, "status": {"phase": "Pending", "containerStatuses": [waiting]}})
            return
        env = {each["name"]: each.get("value", "") for each in container["env"]}
        server = Server(_uid(pod), env)
        kept = image.stored(self._layout, container["image"])
        assert kept, "a node has what was delivered, and that is not swept here"
        try:
            server.start(image.code(self._layout, kept), self._wanted(pod, env))
        except InitFailed as error:
            ended = {"exitCode": 3, "message": str(error)}
            status = {"phase": "Running", "containerStatuses": [{"state": {"terminated": ended}}]}
        else:
            self.servers[_uid(pod)] = server
            status = _running(server)
        self._api.put({**pod, "status": status})

    def _wanted(self, pod: Object, env: Mapping[str, str]) -> WantedRevision | None:
        """What the mounted ConfigMap says, if it is signed and about this owner."""
        metadata = pod["metadata"]
        name = f"{metadata['labels'][names.DEPLOYMENT_LABEL]}-wanted"
        found = self._api.find(CONFIG_MAP, metadata["namespace"], name)
        data = found["data"] if found else {"wanted.json": "", "wanted.sig": ""}
        text, key = data["wanted.json"].encode(), base64.b64decode(env["LOCALMODEL_ADMIN_KEY"])
        if found is None or not is_signed(key, base64.b64decode(data["wanted.sig"]), text, DECISION):
            return None
        told = json.loads(text)
        if told["owner"] != env["LOCALMODEL_OWNER"]:
            return None
        bundle = base64.b64decode(found.get("binaryData", {}).get("bundle.tar", ""))
        fields = (told["content"], told["environment"], told["committed"])
        number = str(told["revision"])
        return WantedRevision(told["epoch"], number, *fields, data.get("gate.json", ""), bundle, told["hold"])

    def _tell(self, deployment: Object) -> None:
        spec, pods = deployment["spec"], self._of(deployment)
        template = digests.of_json(spec["template"])[7:15]
        updated = sum(each["metadata"]["labels"][_HASH] == template for each in pods)
        ready = sum(map(_is_ready, pods))
        complete = updated == ready == len(pods) == spec["replicas"]
        reason = "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated"
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": updated,
            "availableReplicas": ready,
            "conditions": [{"type": "Progressing", "status": "True", "reason": reason}],
        }
        self._api.put({**deployment, "status": status})

    def _of(self, deployment: Object) -> list[Object]:
        uid = _uid(deployment)
        return [pod for pod in self._of_deployments() if pod["metadata"]["ownerReferences"][0]["uid"] == uid]


def _uid(found: Mapping[str, Any]) -> str:
    return str(found["metadata"]["uid"])


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return any((each["type"], each["status"]) == ("Ready", "True") for each in pod["status"].get("conditions", []))


def _running(server: Server) -> Object:
    container = {"containerID": f"containerd://{server.uid}", "state": {"running": {}}, "ready": True}
    if server.killed:
        container["lastState"] = {"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": server.killed}}
    ready = [{"type": "Ready", "status": str(server.is_serving)}]
    return {"phase": "Running", "conditions": ready, "containerStatuses": [container]}
