"""A package index on this machine, with a password if wanted, and small wheels to put into it."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def make_wheel(
    folder: Path, name: str, version: str, files: dict[str, str] | None = None, tag: str = "py3-none-any"
) -> str:
    """A wheel with a module of its name (or these files), which needs nothing unless one of the files is METADATA.

    Returns its hash as a lock has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    contents = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **({f"{name}.py": f"VERSION = {version!r}\n"} if files is None else files),
    }
    record = f"{info}/RECORD"
    contents[record] = "".join(f"{file},,{len(text)}\n" for file, text in contents.items()) + f"{record},,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in contents.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


_BACKEND = """
import pathlib
import zipfile

def get_requires_for_build_wheel(settings=None):
    pathlib.Path({ran!r}).write_text("built")
    return []

def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder, "{name}-{version}.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return info.name

def build_wheel(folder, settings=None, metadata=None):
    pathlib.Path({ran!r}).write_text("built")
    info = "{name}-{version}.dist-info"
    files = {{
        "{name}.py": "",
        info + "/METADATA": "Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n",
        info + "/WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    files[info + "/RECORD"] = "".join(file + ",,\\n" for file in [*files, info + "/RECORD"])
    with zipfile.ZipFile(pathlib.Path(folder, "{name}-{version}-py3-none-any.whl"), "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return "{name}-{version}-py3-none-any.whl"
"""


def make_sdist(folder: Path, name: str, version: str, ran: Path) -> Path:
    """A source distribution whose build writes the file `ran`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}.tar.gz"
    contents = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "backend.py": _BACKEND.format(name=name, version=version, ran=str(ran)),
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    }
    with tarfile.open(path, "w:gz") as archive:
        for file, text in contents.items():
            info = tarfile.TarInfo(f"{name}-{version}/{file}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


@contextmanager
def serving(
    wheels: Path, login: tuple[str, str] | None = None, asked: list[str] | None = None, address: str = "127.0.0.1"
) -> Iterator[str]:
    """The packages of a folder as a simple index; the address of it. `asked` gets every path that it is asked for."""
    wanted = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else None

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            if wanted and self.headers.get("Authorization") != wanted:
                self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="packages"'})
            elif self.path.startswith("/files/"):
                path = wheels / self.path.rpartition("/")[2]
                self._answer(200, path.read_bytes(), {}) if path.is_file() else self._answer(404, b"", {})
            else:
                project = self.path.rstrip("/").rpartition("/")[2].replace("-", "_")
                found = [path for path in sorted(wheels.glob(f"{project}-*")) if path.suffix in (".whl", ".gz")]
                page = f"<!DOCTYPE html><html><body>{''.join(map(_link, found))}</body></html>"
                self._answer(200 if found else 404, page.encode(), {"Content-Type": "text/html"})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{address}:{server.server_port}/simple"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _link(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f'<a href="/files/{path.name}#sha256={digest}">{path.name}</a>'
