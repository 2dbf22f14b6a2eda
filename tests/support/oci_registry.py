"""A real registry, CNCF distribution, as a process on this machine that keeps everything in a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localmodel.targets import ports
from support.cache_folder import CACHE

MODULE = "github.com/distribution/distribution/v3/cmd/registry@v3.0.0"
BIN = CACHE / "bin"
USER, PASSWORD = "data", "secret"
_PASSWORDS = "data:$2b$04$G.gOFF3k2b9YClokmXrq5O1hEDbKxA8hDLAso5ZaXWM/IoCyRNPEm\n"

CONFIG = """
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: %(data)s}, delete: {enabled: true}}
http: {addr: "%(address)s:%(port)d", secret: test}
"""
LOGIN = """
auth: {htpasswd: {realm: test, path: %(passwords)s}}
"""


def program() -> Path:
    """The registry's program, compiled by Go the first time (minutes) and kept."""
    path = BIN / "registry"
    if path.exists():
        return path
    go = shutil.which("go")
    if go is None:
        pytest.skip(f"left out, pushing to and pulling from a real registry: no Go to compile {MODULE}")
    subprocess.run([go, "install", MODULE], env={**os.environ, "GOBIN": str(BIN), "CGO_ENABLED": "0"}, check=True)
    return path


@contextmanager
def serving(folder: Path, login: bool = False, address: str = "127.0.0.1") -> Iterator[str]:
    """host:port of a registry that is empty; with `login`, it asks for USER and PASSWORD."""
    port = ports.spare()
    (folder / "passwords").write_text(_PASSWORDS)
    values = {"data": folder / "data", "address": address, "port": port, "passwords": folder / "passwords"}
    (folder / "config.yml").write_text((CONFIG + (LOGIN if login else "")) % values)
    command = [program(), "serve", folder / "config.yml"]
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            _wait(f"{address}:{port}", process)
            yield f"{address}:{port}"
        finally:
            process.terminate()


def _wait(host: str, process: subprocess.Popen[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(1200):
        try:
            opener.open(f"http://{host}/v2/", timeout=1).close()
            return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            assert process.poll() is None, "the registry has ended"
            time.sleep(0.05)
    raise TimeoutError("the registry does not answer")
