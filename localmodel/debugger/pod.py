"""Debugging a pod of a cluster through the API server, with kubectl exec and port-forward."""

import contextlib
import subprocess
from typing import Any

from localmodel import reasons
from localmodel.debugger import package
from localmodel.debugger.debuggee import DebuggeeGoneError, DebuggerState, Wish, read_state
from localmodel.errors import UserError
from localmodel.no_code.generated import ENTRY
from localmodel.output.progress import Progress
from localmodel.resource import schema
from localmodel.targets.kind import kubectl
from localmodel.updates import revision

_RESOURCE = f"localmodeldeployments.{schema.API_VERSION.partition('/')[0]}"
_CONTAINER = "scoring"
_PORT = 5678
_PYTHON = ("/opt/localmodel/venv/bin/python", "-I", "-c")
# The only writable folder of the container, where the server looks for its debug file.
_FILE = "/tmp/localmodel-debug.json"  # noqa: S108
_PACKAGE = "/tmp/localmodel-debugger"  # noqa: S108
_UNPACK = (
    "import os, sys, tarfile; place = sys.argv[1]; part = place + '.part'\n"
    "tarfile.open(fileobj=sys.stdin.buffer, mode='r|gz').extractall(part)\n"
    "os.path.exists(place) or os.rename(part, place)"
)
# Process 1 is the server, because it is the image's entry point.
_WRITE = (
    "import os, signal, sys; open(sys.argv[1], 'w').write(sys.stdin.read()); "
    "os.path.isdir(sys.argv[2]) and os.kill(1, signal.SIGUSR1)"
)
_REMOVE = "import os, signal, sys; os.path.exists(sys.argv[1]) and os.remove(sys.argv[1]); os.kill(1, signal.SIGUSR1)"
_READ = "import os, sys; path = sys.argv[1]; print(open(path).read() if os.path.exists(path) else '')"


class PodDebuggee:
    """Implements `Debuggee` for pods. It is a context that forwards the port until it ends."""

    def __init__(self, name: str, context: str | None, namespace: str | None, progress: Progress) -> None:
        self.name = name
        self.code, self.entry = revision.APP_ROOT, ""
        self._command = ["kubectl"] + (["--context", context] if context else [])
        self._command += ["--namespace", namespace] if namespace else []
        self._progress = progress
        self._namespace = self._pod = ""
        self._forward: subprocess.Popen[str] | None = None

    def __enter__(self) -> "PodDebuggee":
        return self

    def __exit__(self, *_: object) -> None:
        self._end_forward()

    def find(self) -> None:
        self._end_forward()
        resource = kubectl.read(self._kubectl("get", _RESOURCE, self.name, "-o", "json"))
        self._namespace = resource["metadata"]["namespace"]
        self.entry = resource["spec"].get("scoring", {}).get("entryScript", ENTRY)
        self._pod = self._choose_pod(resource.get("status", {}).get("selector", ""))

    def begin(self, wish: Wish, identity: str) -> int:
        port = wish.port or _PORT
        with self._progress.step("debugger") as done:
            self._exec(_UNPACK, _PACKAGE, sent=package.archive(package.folder()))
            done(f"in the pod {self._pod}")
        self._exec(_WRITE, _FILE, _PACKAGE, sent=wish.request(identity, _PACKAGE, ("127.0.0.1", port)).encode())
        if wish.connect is not None:
            return 0
        self._forward = self._start_forward(port)
        return port

    def state(self) -> DebuggerState | None:
        if self._forward is not None and self._forward.poll() is not None:
            raise DebuggeeGoneError
        try:
            report = self._exec(_READ, f"{_FILE}.state").strip()
        except UserError:
            raise DebuggeeGoneError from None
        return read_state(report.encode(), f"{self._pod}:{_FILE}.state")

    def end(self) -> None:
        self._end_forward()
        with contextlib.suppress(UserError):
            self._exec(_REMOVE, _FILE)

    def _choose_pod(self, selector: str) -> str:
        if not selector:
            raise UserError(reasons.NOT_RUNNING, f"{self.name} has no pods yet")
        listed = kubectl.read(self._kubectl("get", "pods", "-n", self._namespace, "-l", selector, "-o", "json"))
        ready = sorted(filter(_is_ready, listed["items"]), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        if not ready:
            raise UserError(reasons.NOT_RUNNING, f"{self.name} has no pod that is ready; see lmd status {self.name}")
        name = str(ready[-1]["metadata"]["name"])
        if len(ready) > 1:
            self._progress.note(
                f"{len(ready)} pods answer, and only requests that reach {name} can stop; with spec.replicas: 1 all do"
            )
        return name

    def _start_forward(self, port: int) -> "subprocess.Popen[str]":
        pod = ["-n", self._namespace, f"pod/{self._pod}"]
        process = subprocess.Popen(
            [*self._command, "port-forward", "--address", "127.0.0.1", *pod, f"{port}:{port}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C reaches only this command, which then ends the process in order.
            start_new_session=True,
        )
        if process.stdout is None or "Forwarding" not in process.stdout.readline():
            process.kill()
            output = " ".join(process.communicate()[1].split())
            raise UserError(reasons.PORT_TAKEN, f"--port {port}: {output}")
        return process

    def _end_forward(self) -> None:
        if self._forward is not None:
            self._forward.kill()
            self._forward.communicate()
            self._forward = None

    def _exec(self, code: str, *arguments: str, sent: bytes = b"") -> str:
        pod = ["exec", "-i", "-n", self._namespace, self._pod, "-c", _CONTAINER, "--"]
        return self._kubectl(*pod, *_PYTHON, code, *arguments, sent=sent)

    def _kubectl(self, *arguments: str, sent: bytes = b"") -> str:
        try:
            result = subprocess.run([*self._command, *arguments], input=sent, capture_output=True, check=False)
        except FileNotFoundError:
            raise UserError(reasons.KUBECTL_MISSING, "kubectl is not installed; --target kind needs it") from None
        if result.returncode != 0:
            output = result.stderr.decode(errors="replace").strip()
            raise UserError(reasons.KUBECTL_FAILED, f"kubectl {arguments[0]}: {output}")
        return result.stdout.decode(errors="replace")


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return "deletionTimestamp" not in pod["metadata"] and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions
    )
