"""A deployment that a test edits, and what can be seen of it from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kube import Namespace, Object, eventually
from load import ask
from support import given


@dataclass
class App:
    """A deployment that is edited again and again; `manifest` is what was applied last."""

    namespace: Namespace
    manifest: given.Object
    port: int

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @property
    def spec(self) -> Any:
        return self.manifest["spec"]

    def edit(self, **fields: Any) -> None:
        self.manifest = given.with_fields(self.manifest, **fields)
        self.namespace.apply(self.manifest)

    def edit_fast(self, *edits: Mapping[str, Any]) -> None:
        """Several edits by one command, some hundredths of a second apart."""
        manifests = []
        for fields in edits:
            self.manifest = given.with_fields(self.manifest, **fields)
            manifests.append(self.manifest)
        self.namespace.apply(*manifests)

    def get(self) -> Object:
        return self.namespace.get("lmd", self.name)

    @property
    def revisions(self) -> Any:
        """Numbers by what they are: wanted, serving, durable."""
        return self.get()["status"]["revisions"]

    def numbers(self) -> list[int]:
        """Of the revisions that are kept."""
        return [revision["revision"] for revision in self.namespace.revisions(self.name)]

    def lasting(self) -> list[str]:
        """What an update must not change."""
        deployment, service = (self.namespace.get(kind, self.name) for kind in ("deployments", "services"))
        port = service["spec"]["ports"][0]["nodePort"]
        return [deployment["metadata"]["uid"], service["metadata"]["uid"], service["spec"]["clusterIP"], str(port)]

    def template(self) -> Object:
        """Of the pods that are started now."""
        template: Object = self.namespace.get("deployments", self.name)["spec"]["template"]
        return template

    def pods(self) -> dict[str, Object]:
        """Pods that are not on their way out, by name, which is the host's name in them."""
        return {pod["metadata"]["name"]: pod for pod in self.namespace.pods(self.name)}

    def ready_pods(self) -> dict[str, Object]:
        def is_ready(pod: Object) -> bool:
            conditions = pod["status"].get("conditions", [])
            return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)

        return {name: pod for name, pod in self.pods().items() if is_ready(pod)}

    def restarts(self) -> int:
        """Of all containers of all pods."""
        statuses = (each for pod in self.pods().values() for each in pod["status"].get("containerStatuses", []))
        return sum(each["restartCount"] for each in statuses)

    def wait_answer(self, is_it: Callable[[Any], bool], seconds: float = 60) -> Any:
        """The first answer that is it."""

        def there() -> Any:
            answer = ask(self.port)
            return answer if is_it(answer) else None

        return eventually(there, "the new answer", seconds, every=0.02)

    def wait_serving(self, number: int, seconds: float = 60) -> Object:
        """Wait until the revision with this number is said to serve: edits in place change no generation."""

        def serves() -> Object | None:
            found = self.get()
            ready = next(each for each in found["status"]["conditions"] if each["type"] == "Ready")
            right = found["status"].get("revisions", {}).get("serving") == number and ready["status"] == "True"
            return found if right else None

        return eventually(serves, f"revision {number} of {self.namespace.name}/{self.name} serves", seconds)

    def wait_durable(self, number: int | None = None, seconds: float = 90) -> Object:
        """Wait until every pod was started with the wanted revision, or with this one."""

        def lasts() -> Object | None:
            found = self.get()
            numbers = found["status"].get("revisions", {})
            conditions = {each["type"]: each for each in found["status"]["conditions"]}
            durable = conditions.get("Durable", {})
            current = durable.get("observedGeneration") == found["metadata"]["generation"]
            right = durable.get("status") == "True" and numbers.get("durable") == (number or numbers.get("wanted"))
            return found if right and current else None

        found = eventually(lasts, f"{self.namespace.name}/{self.name} lasts", seconds)
        started_with = {int(pod["metadata"]["labels"]["localmodel.dev/revision"]) for pod in self.pods().values()}
        assert started_with <= {found["status"]["revisions"]["durable"]}
        return found
