"""The process target: a deployment is one scoring server on this machine, without container or cluster."""

import contextlib
import os
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from localmodel import digests, run_coroutine, target_table
from localmodel.disk import home
from localmodel.environments import install_news
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import venv
from localmodel.output.progress import Progress
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec
from localmodel.targets import ports, server
from localmodel.targets.machine import resolve
from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.machine.runner import BuiltEnvironment
from localmodel.targets.machine.state import ServerRecord, Slot, State

_DEBUG_PORT = 5678


class ProcessRunner:
    """Implements `Runner` with processes. A server's id is its process id."""

    target = "process"
    unit = "process"

    @property
    def folder(self) -> Path:
        return target_table.folders(home.home())[self.target]

    def platform(self) -> str | None:
        return None

    def base(self, environment: EnvironmentSpec) -> str:
        return digests.of_json({"python": environment.python})

    def program(self, key: str, spec: DeploymentSpec) -> str:
        return resolve.server_digest()

    def limits(self, spec: DeploymentSpec) -> dict[str, str]:
        return {}

    def without_meaning(self, spec: DeploymentSpec) -> list[str]:
        fields = (
            ("spec.replicas", spec.replicas != 1),
            ("spec.autoscaling", spec.autoscaling is not None),
            ("spec.update.shadow", bool(spec.shadow)),
            ("spec.update.canary", bool(spec.canary)),
            ("spec.resources", bool(spec.resources)),
            ("spec.environment.baseImage", spec.environment.base_image is not None),
            ("spec.models[].credentials", any(model.credentials for model in spec.models)),
            ("spec.models[].refresh", any(model.refresh for model in spec.models)),
        )
        return [*(name for name, is_set in fields if is_set), *(f"spec.pod.{name}" for name in spec.pod)]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        yield  # whoever gets a virtual environment holds its lock

    def key(self, spec: DeploymentSpec, lock: Lock) -> str:
        return venv.key(lock, spec.environment.python)

    def build(self, spec: DeploymentSpec, lock: Lock, progress: Progress) -> BuiltEnvironment:
        key = self.key(spec, lock)
        folder, log = home.home() / "environments", home.build_log(key)
        listen = install_news.listener(lock.counted, progress)
        install = venv.build(lock, spec.environment.python, folder, log, listen, progress.note)
        python = run_coroutine.run(install)
        # The programs of the environment's packages are on PATH, and the server's PYTHONPATH is not passed on.
        path = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
        return BuiltEnvironment(key, str(python), {"PATH": path, "PYTHONPATH": ""}, self.program(key, spec))

    def start(self, place: State, slot: Slot, port: int, spec: DeploymentSpec, environment: BuiltEnvironment) -> str:
        return str(server.start(place, slot, port))

    def is_running(self, place: State, server_id: str) -> bool:
        return server_id.isdecimal() and server.is_running(place, int(server_id))

    def ended_by(self, server_id: str) -> int:
        with contextlib.suppress(ChildProcessError):  # another command started it
            _, status = os.waitpid(int(server_id), os.WNOHANG)
            return os.WTERMSIG(status)
        return 0

    def find(self, place: State) -> ServerRecord | None:
        for running in server.running(place):
            if running.slot is place.main:
                return ServerRecord(str(running.pid), running.port, running.port, "")
        return None

    def send(self, server_id: str, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # the caller's wait sees that it has ended
            os.kill(int(server_id), number)

    def debug_ports(self, server_id: str, wanted: int | None) -> tuple[tuple[str, int], int]:
        port = _DEBUG_PORT if wanted is None else wanted
        ports.wait_until_free(port, "--port")
        return (ports.HOST, port), port

    def halt(self, place: State, server_id: str) -> None:
        server.stop(place, int(server_id))

    def resume(self, place: State, record: ServerRecord) -> str:
        return str(server.start(place, place.main, record.port))

    def clear(self, place: State, keep: Collection[str] = ()) -> None:
        for running in server.running(place):
            if str(running.pid) not in keep:
                server.stop(place, running.pid)

    def sweep(self, gone: Collection[str]) -> None:
        """Do nothing, because other commands share the environments."""


class ProcessTarget(LocalTarget):
    """Deployments as processes on this machine."""

    name = "process"

    def __init__(self) -> None:
        super().__init__(ProcessRunner())
