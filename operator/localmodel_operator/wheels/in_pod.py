"""Runs alone, in a pod: builds the wheel of a source archive, and hands it to who knows a word.

It needs only the standard library, from Python 3.9 on. Its arguments: a port, the word's SHA-256, and the archive's
path. Whoever reads the arguments does not learn the word; other pods reach the port.
"""

import collections
import hashlib
import hmac
import http.server
import pathlib
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading

WHEEL, READY, NAME_HEADER, WORD_HEADER = "/wheel", "/ready", "X-Localmodel-Wheel", "X-Localmodel-Word"
_HANDED_OUT_FOR = 900.0  # seconds
_LAST_WORDS = pathlib.Path("/dev/termination-log")
_LAST_LINES, _LAST_BYTES = 40, 4000  # Kubernetes keeps 4096 bytes


def main(port: int, digest: str, archive: str) -> int:
    """Build, and hand out the wheel until the pod is deleted; return an exit code."""
    folder = pathlib.Path(tempfile.mkdtemp())
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--no-cache-dir", "--wheel-dir", str(folder)]
    code, lines = _shown([sys.executable, "-m", "pip", "wheel", *options, archive])
    wheels = sorted(folder.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        _LAST_WORDS.write_bytes("\n".join(lines).encode()[-_LAST_BYTES:])
        return 1
    server = _Server(("", port), _handler(wheels[0], digest))
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


def _handler(wheel: pathlib.Path, digest: str) -> "type[http.server.BaseHTTPRequestHandler]":
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == READY:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif self.path != WHEEL or not self._is_allowed():
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header(NAME_HEADER, wheel.name)
                self.send_header("Content-Length", str(wheel.stat().st_size))
                self.end_headers()
                with wheel.open("rb") as file:
                    shutil.copyfileobj(file, self.wfile)

        def _is_allowed(self) -> bool:
            word = self.headers.get(WORD_HEADER, "").encode("utf-8", "replace")
            return hmac.compare_digest(hashlib.sha256(word).hexdigest(), digest)

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
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:4]))
