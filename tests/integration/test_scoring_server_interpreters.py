"""Workers in the Python versions that users have."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from scoring_server_process import ScoringServer, write_script

SCRIPT = """
import sys
from dataclasses import dataclass

import part


@dataclass
class Point:
    x: int


async def init():
    global point
    point = Point(3)


async def run(raw_data):
    if raw_data == "fail":
        raise ValueError
    return {"version": list(sys.version_info[:2]), "x": point.x, "part": part.VALUE}
"""


def find_python(version: str) -> str | None:
    """An interpreter that runs: pyenv puts launchers on PATH for versions that it would not start."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    installed = sorted(str(path) for path in pyenv.glob(f"{version}.*/bin/python{version}"))
    for candidate in [*installed, shutil.which(f"python{version}")]:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True).returncode == 0:
            return candidate
    return None


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def test_a_worker_in(tmp_path: Path, version: str) -> None:
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    environment = write_script(tmp_path / "app", SCRIPT, part="VALUE = 'sibling'")
    with ScoringServer(tmp_path, {**environment, "LOCALMODEL_PYTHON": python}) as server:
        server.wait_until_ready()
        expected = {"version": [int(part) for part in version.split(".")], "x": 3, "part": "sibling"}
        assert server.score({}).json == expected
        assert server.score(b"fail").status == 500
        assert "ValueError" in server.log
        assert "Warning" not in server.log
