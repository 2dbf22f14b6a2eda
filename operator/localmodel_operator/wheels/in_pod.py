"""Runs alone, in a pod: builds the wheel of a source archive, and hands it to whoever asks for it.

It needs only the standard library, from Python 3.9 on. Its arguments: a port, and the archive's path.
"""

import collections
import http.server
import pathlib
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading

WHEEL, READY, NAME_HEADER = "/wheel", "/ready", "X-Localmodel-Wheel"
_HANDED_OUT_FOR = 900.0  # seconds
_LAST_WORDS = pathlib.Path("/dev/termination-log")
_LAST_LINES, _LAST_BYTES = 40, 4000  # Kubernetes keeps 4096 bytes


def main(port: int, archive: str) -> int:
    """Build, and hand out the wheel until the pod is deleted; return an exit code."""
    folder = pathlib.Path(tempfile.mkdtemp())
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(folder)]
    code, lines = _shown([sys.executable, "-m", "pip", "wheel", *options, archive])
    wheels = sorted(folder.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        _LAST_WORDS.write_bytes("\n".join(lines).encode()[-_LAST_BYTES:])
        return 1
    server = _Server(("", port), _handler(wheels[0]))
    timer = threading.Timer(_HANDED_OUT_FOR, server.shutdown)
    timer.daemon = True
    timer.start()
    server.serve_forever()
    return 0


def _shown(command: "list[str]") -> "tuple[int, list[str]]":
    """Run the command with its output in the pod's log; return its exit code, and its last lines."""
    lines = collections.deque(maxlen=_LAST_LINES)  # type: collections.deque[str]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    return process.returncode, list(lines)


def _handler(wheel: pathlib.Path) -> "type[http.server.BaseHTTPRequestHandler]":
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in (WHEEL, READY):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header(NAME_HEADER, wheel.name)
            self.send_header("Content-Length", str(wheel.stat().st_size if self.path == WHEEL else 0))
            self.end_headers()
            if self.path == WHEEL:
                with wheel.open("rb") as file:
                    shutil.copyfileobj(file, self.wfile)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class _Server(socketserver.ThreadingTCPServer):
    """Listens to IPv4 and IPv6, as far as the pod has them."""

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
