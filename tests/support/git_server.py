"""A Git repository on this machine and git's own server for it, over HTTP."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

USER, PASSWORD = "me", "correct-horse-battery"


# Status, headers and body
Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class GitServer:
    """`url` is that of the one repository; with `login`, it asks for USER and PASSWORD. `asked` are its requests.

    `signed` are their Authorization headers. `instead` may answer a path with something else than git does.
    """

    url: str
    folder: Path
    login: bool = False
    asked: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    instead: Callable[[str], Answer | None] = lambda path: None

    def commit(self, files: Mapping[str, str | None]) -> str:
        """Commit these files (None: without it) on the branch main, and return the commit."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "edit")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """Run git in the repository, as nobody in particular."""
        identity = ("-c", "user.name=a", "-c", "user.email=a@models.example", "-c", "commit.gpgSign=false")
        command = ["git", *identity, "-C", str(self.folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def serving(folder: Path) -> Iterator[GitServer]:
    """A repository without a commit in this new folder."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _answer(self, body: bytes) -> None:
            server.asked.append(self.path)
            server.signed.append(self.headers.get("Authorization", ""))
            if answer := server.instead(self.path):
                status, fields, content = answer
                self._send(status, fields, content)
                return
            expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if server.login and self.headers.get("Authorization") != f"Basic {expected}":
                self._send(401, {"WWW-Authenticate": "Basic"}, b"")
                return
            head, _, content = _ended(self, folder, body).partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self._send(int(fields.pop("Status", "200").split()[0]), fields, content)

        def _send(self, status: int, fields: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = GitServer(f"http://127.0.0.1:{http.server_port}/scoring.git", folder)
        server.git("init", "--quiet", "-b", "main")
        for setting in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            server.git("config", setting, "true")
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield server
        http.shutdown()


def _ended(request: BaseHTTPRequestHandler, folder: Path, body: bytes) -> bytes:
    """What `git http-backend` writes; see gitprotocol-http."""
    parts = urlsplit(request.path)
    variables = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "PATH_INFO": parts.path.replace("/scoring.git/", "/.git/", 1),
        "QUERY_STRING": parts.query,
        "REQUEST_METHOD": request.command,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
    }
    command = ["git", "http-backend"]  # which fails with a message for the client
    return subprocess.run(command, input=body, env=variables, check=False, capture_output=True).stdout
