"""What runs Jobs: each has one pod, which needs its image, and hands out a file or fails. Everything is a step away."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from localmodel_operator.cluster import JOB, POD, PodUnreachableError
from localmodel_operator.wheels.in_pod import WORD_HEADER
from support.operator.fake_api import Api, Object, copied
from support.operator.fake_pods import Pods

Result = tuple[str, bytes]  # a file's name, and its content


class Jobs:
    """The Jobs and their pods. `run` gets a pod's command: it returns a file, or fails with a RuntimeError's words."""

    def __init__(self, api: Api, nodes: Pods) -> None:
        self._api, self._nodes = api, nodes
        self.run: Callable[[list[str]], Result] = lambda command: ("", b"")
        self.commands: list[list[str]] = []

    def step(self) -> None:
        """Do the next thing for each Job."""
        for job in self._api.all(JOB):
            pod = self._pod(job)
            if pod is None:
                self._create(job)
            elif pod["status"]["phase"] == "Pending":
                self._start(job, pod)

    def file(self, namespace: str, name: str, headers: Mapping[str, str]) -> Result:
        """What a pod hands out. Raises PodUnreachableError."""
        pod = self._api.find(POD, namespace, name)
        if pod is None:
            raise PodUnreachableError(f"pod {name} is not there")
        if hashlib.sha256(headers[WORD_HEADER].encode()).hexdigest() != _command(pod)[-2]:
            raise PodUnreachableError("HTTP 404")
        return self.run(_command(pod))

    def _pod(self, job: Object) -> Object | None:
        uid = job["metadata"]["uid"]
        pods = self._api.all(POD, job["metadata"]["namespace"])
        return next((pod for pod in pods if pod["metadata"]["ownerReferences"][0]["uid"] == uid), None)

    def _create(self, job: Object) -> None:
        template, of = copied(job["spec"]["template"]), job["metadata"]
        owner = {"kind": "Job", "name": of["name"], "uid": of["uid"], "controller": True}
        metadata = {**template["metadata"], "name": f"{of['name']}-x", "namespace": of["namespace"]}
        metadata["ownerReferences"] = [owner]
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        self._api.put({**body, "status": {"phase": "Pending"}})

    def _start(self, job: Object, pod: Object) -> None:
        (container,) = pod["spec"]["containers"]
        if container["image"] not in self._nodes.images:
            waiting = {"state": {"waiting": {"reason": "ErrImageNeverPull"}}}
            self._api.put({**pod, "status": {"phase": "Pending", "containerStatuses": [waiting]}})
            return
        self.commands.append(_command(pod))
        try:
            self.run(_command(pod))
        except RuntimeError as error:
            ended = {"exitCode": 1, "message": str(error)}
            status = {"phase": "Failed", "containerStatuses": [{"state": {"terminated": ended}}]}
            failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
            self._api.put({**job, "status": {"conditions": [failed]}})
        else:
            status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self._api.put({**pod, "status": status})


def _command(pod: Object) -> list[str]:
    return list(pod["spec"]["containers"][0]["command"])
