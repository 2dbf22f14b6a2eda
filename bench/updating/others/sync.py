"""A file-sync loop as in Skaffold and Tilt: sends a tar to the container of every pod, and restarts its server.

It needs one `kubectl exec` for both, to all pods in parallel, which is the least that these tools do. A restarted pod
loses the files.
"""

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx

from updating.others.context import ADDED, Context, pip_inside
from updating.others.naive import Naive
from updating.project import Wanted
from updating.site import Site, run

# The server is its child, which SIGHUP restarts. At SIGINT it ends without waiting for more requests.
_WRAPPER = """
import signal, subprocess, sys

def restart(*_):
    child.send_signal(signal.SIGINT)

def end(*_):
    global ending
    ending = True
    child.send_signal(signal.SIGTERM)

ending, child = False, subprocess.Popen(sys.argv[1:])
signal.signal(signal.SIGHUP, restart)
signal.signal(signal.SIGTERM, end)
while not ending:
    child.wait()
    if not ending:
        child = subprocess.Popen(sys.argv[1:])
"""
_PYTHON = "/opt/localmodel/venv/bin/python"


class Sync(Naive):
    """Implements `Loop`. It is deployed like the naive way; an edit of a variable needs new pods here, too."""

    name = "sync"

    def __init__(self, site: Site, context: Context, ours: str, port: int) -> None:
        super().__init__(site, context, ours, port)
        self._synced: set[Path] = set()
        self._size = 0

    def start(self, wanted: Wanted) -> None:
        self._context.write(wanted, _WRAPPER)
        image = self._build_and_load()
        container = self._site.get(f"deployment/{self._ours}")["spec"]["template"]["spec"]["containers"][0]
        changes = {
            "command": [_PYTHON, "/opt/wrapper.py", *self._context.entry],
            # files of the image are overwritten
            "securityContext": {**container["securityContext"], "readOnlyRootFilesystem": False},
        }
        self._workload.apply(self._ours, image, wanted.variable, changes)

    def scale(self, replicas: int) -> None:
        super().scale(replicas)
        self._catch_up()

    def update(self, before: Wanted, wanted: Wanted) -> None:
        if saved := self._context.save(before, wanted):
            self._send(saved)
        else:
            self._workload.set_variable(wanted.variable)
            self._workload.wait()
            self._catch_up()

    def roll_back(self, wanted: Wanted) -> None:
        self._send(self._context.save(replace(wanted, code=0), wanted))

    def is_durable(self, api: httpx.Client) -> bool | None:
        return None

    def sent(self) -> int:
        return self._size

    def _catch_up(self) -> None:
        """Send all edits to new pods, which have the image's files."""
        self._send(sorted(self._synced))

    def _send(self, saved: list[Path]) -> None:
        self._synced |= {*saved}
        content = _tar(self._context, saved)
        pods = self._workload.pods()
        with ThreadPoolExecutor(len(pods)) as threads:
            list(threads.map(lambda pod: self._into(pod, content), pods))
        self._size = len(content) * len(pods) // len(self._site.nodes)

    def _into(self, pod: str, content: bytes) -> None:
        wheels = f"{self._context.app}/wheels"
        install = f"{pip_inside('/opt')} install --quiet --no-index --no-deps --target {ADDED} --upgrade {wheels}/*.whl"
        steps = f"tar -xmf - -C / && if [ -d {wheels} ]; then {install}; fi && kill -HUP 1"
        run(*self._site.command("exec", "-i", pod, "--", "sh", "-c", steps), data=content)


def _tar(context: Context, saved: list[Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in saved:
            archive.add(path, context.inside(path).lstrip("/"))
    return buffer.getvalue()
