"""A way to what only the cluster reaches: `kubectl port-forward`, from a free port of this machine."""

import re
import subprocess
from collections import deque
from threading import Thread

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets.kind.kubectl import Kubectl
from localmodel.targets.ports import HOST

_PORT = re.compile(rf"Forwarding from {re.escape(HOST)}:([0-9]+)")
_SECONDS_FOR_POD = 5


class Tunnel:
    """A way to a port of `place`, such as `service/NAME`, until it is closed, or the pod behind it ends.

    Attributes:
        port: the port of this machine.
    """

    def __init__(self, kubectl: Kubectl, namespace: str, place: str, port: str) -> None:
        command = [*kubectl.command, "port-forward", "--namespace", namespace, "--address", HOST]
        self._process = subprocess.Popen(
            [*command, f"--pod-running-timeout={_SECONDS_FOR_POD}s", place, f":{port}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C reaches only this program, which then ends the process in order.
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        self._lines = self._process.stdout
        output = ""
        for line in self._lines:
            if match := _PORT.match(line):
                self.port = int(match[1])
                break
            output += line
        else:
            self._end()
            raise UserError(reasons.KUBECTL_FAILED, f"kubectl port-forward: {' '.join(output.split())}")
        # kubectl writes a line for each connection, and would wait for who reads it.
        self._reading = Thread(target=deque, args=(self._lines, 0), daemon=True)
        self._reading.start()

    @property
    def is_open(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._reading.join()
        self._end()

    def _end(self) -> None:
        self._lines.close()
        self._process.wait()
