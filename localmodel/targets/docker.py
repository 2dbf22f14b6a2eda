"""The docker target: a deployment is one container with a published port, without a cluster."""

import contextlib
import os
import secrets
import signal
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from localmodel import digests, environment_retention, reasons, target_table
from localmodel.disk import files, home
from localmodel.engine import client, containers, environment_image, names
from localmodel.engine.client import Connection
from localmodel.engine.containers import Served
from localmodel.environments.layers import records
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import build_log
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.output.progress import Progress, now
from localmodel.resource import quantity
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec
from localmodel.store import environment_uses, store_id
from localmodel.targets.machine import revision_folder
from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.machine.runner import BuiltEnvironment
from localmodel.targets.machine.state import ServerRecord, Slot, State

_PORT, _DEBUG_PORT = 5001, 5678
_SERVER = ("/opt/localmodel/venv/bin/python", "-I", "-m", "localmodel_server", "--host", "0.0.0.0")  # noqa: S104
_LIMITS = ("cpu", "memory")


class ContainerRunner:
    """Implements `Runner` with containers. A server's id is the id of its container."""

    target = "docker"
    unit = "container"

    def __init__(self) -> None:
        self._engine = Connection()
        weakref.finalize(self, self._engine.close)

    @property
    def folder(self) -> Path:
        return target_table.folders(home.home())[self.target]

    def platform(self) -> str:
        if not client.is_here():
            raise UserError(
                reasons.ENGINE_REMOTE,
                "DOCKER_HOST, or docker's context, names an engine on another machine, which does not see this one's "
                "files; unset it, or use a cluster there",
            )
        architecture = self._engine.call(containers.engine).architecture
        if architecture not in locks.PLATFORMS:
            raise UserError(reasons.PLATFORM_UNSUPPORTED, f"the engine is for {architecture}, not amd64 or arm64")
        return locks.PLATFORMS[architecture]

    def base(self, environment: EnvironmentSpec) -> str:
        return digests.of_json({"base": environment.base, "python": environment.python})

    def program(self, key: str, spec: DeploymentSpec) -> str:
        return digests.of_json([key, *map(str, _limits(spec))])

    def limits(self, spec: DeploymentSpec) -> dict[str, str]:
        memory, cpus = _limits(spec)
        return {"spec.resources.limits": f"memory {memory}, cpu {cpus}"}

    def without_meaning(self, spec: DeploymentSpec) -> list[str]:
        resources = spec.resources
        fields = [("spec.replicas", spec.replicas != 1), ("spec.resources.requests", "requests" in resources)]
        fields.append(("spec.autoscaling", spec.autoscaling is not None))
        fields += [("spec.update.shadow", bool(spec.shadow)), ("spec.update.canary", bool(spec.canary))]
        fields.append(("spec.models[].credentials", any(model.credentials for model in spec.models)))
        fields.append(("spec.models[].refresh", any(model.refresh for model in spec.models)))
        fields += [(f"spec.resources.limits.{name}", name not in _LIMITS) for name in resources.get("limits", {})]
        return [*(name for name, is_set in fields if is_set), *(f"spec.pod.{name}" for name in spec.pod)]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with files.together(self._lock()):
            yield

    def key(self, spec: DeploymentSpec, lock: Lock) -> str:
        return environment_image.key(spec.environment, lock)

    def build(self, spec: DeploymentSpec, lock: Lock, progress: Progress) -> BuiltEnvironment:
        listen = partial(now, progress)  # to the builder's lines
        image = self._engine.call(environment_image.ensure, spec.environment, lock, self._store(), None, listen)
        path = f"/opt/env/bin:{self._engine.call(containers.path_of, image)}"
        key = self.key(spec, lock)
        return BuiltEnvironment(key, "/opt/env/bin/python", {"PATH": path}, self.program(key, spec))

    def start(self, place: State, slot: Slot, port: int, spec: DeploymentSpec, environment: BuiltEnvironment) -> str:
        memory, cpus = _limits(spec)
        labels = {**self._labels(place), names.ENVIRONMENT_LABEL: environment.key}
        flags = ["--port", str(_PORT), "--revision-file", str(slot.revision_file), "--status-file"]
        readable = (revision_folder.models_folder(), home.debuggers())
        for folder in readable:
            folder.mkdir(parents=True, exist_ok=True)
        wanted = Served(
            name=f"localmodel-{place.name}-{secrets.token_hex(3)}",
            image=environment_image.tag(self._store(), environment.key),
            labels=labels,
            command=(*_SERVER, *flags, str(slot.status_file), "--log-file", str(place.log)),
            log=place.log,
            user=(os.getuid(), os.getgid()),
            ports={_PORT: port, _DEBUG_PORT: None},
            writable=(place.root,),
            readable=readable,
            memory=memory,
            cpus=cpus,
        )
        return self._engine.call(containers.start, wanted)

    def is_running(self, place: State, server: str) -> bool:
        return self._engine.call(containers.is_running, server)

    def ended_by(self, server: str) -> int:
        return self._engine.call(containers.ended_by, server)

    def find(self, place: State) -> ServerRecord | None:
        for server in self._engine.call(containers.running, self._labels(place), str(place.main.status_file)):
            port = self._engine.call(containers.published, server, _PORT)
            return ServerRecord(server, port, port, "")
        return None

    def send(self, server: str, number: signal.Signals) -> None:
        self._engine.call(containers.send, server, number.name.removeprefix("SIG"))

    def debug_ports(self, server: str, wanted: int | None) -> tuple[tuple[str, int], int]:
        if wanted is not None:
            raise UserError(
                reasons.PORT_GIVEN, "--port: a container's port for debuggers is its own; leave the option out"
            )
        return ("0.0.0.0", _DEBUG_PORT), self._engine.call(containers.published, server, _DEBUG_PORT)  # noqa: S104

    def halt(self, place: State, server: str) -> None:
        self._engine.call(containers.halt, server)

    def resume(self, place: State, server: ServerRecord) -> str:
        self._engine.call(containers.resume, server.id)
        return server.id

    def clear(self, place: State, keep: Collection[str] = ()) -> None:
        self._engine.call(containers.remove, self._labels(place), keep)

    def sweep(self, gone: Collection[str]) -> None:
        # Another running command may need them: what stays now is removed by the next sweep.
        with contextlib.suppress(BlockingIOError), files.alone(self._lock()):
            operators = {path.stem for path in (home.store() / "images" / "environments").glob("*.json")}
            keep, seconds = operators | set(environment_uses.keys(home.home())), environment_retention.seconds()
            for key in set(gone) - keep:
                build_log.used(home.build_log(key))  # until now
            for key in self._engine.call(environment_image.remove_others, self._store(), keep, seconds):
                home.build_log(key).unlink(missing_ok=True)
            records.prune(Layout(home.store() / "images"))

    def _labels(self, place: State) -> dict[str, str]:
        return {names.STORE_LABEL: self._store(), names.DEPLOYMENT_LABEL: place.name}

    def _store(self) -> str:
        return store_id.of(home.store())

    def _lock(self) -> Path:
        """The lock that an operator on the same store respects."""
        return home.store() / "images" / "lock"


class DockerTarget(LocalTarget):
    """Deployments as containers on this machine."""

    name = "docker"

    def __init__(self) -> None:
        super().__init__(ContainerRunner())


def _limits(spec: DeploymentSpec) -> tuple[int | None, float | None]:
    """Limits of memory in bytes, and of CPUs."""
    limits = spec.resources.get("limits", {})
    memory = int(quantity.parse(limits["memory"])) if "memory" in limits else None
    cpus = float(quantity.parse(limits["cpu"])) if "cpu" in limits else None
    return memory, cpus
