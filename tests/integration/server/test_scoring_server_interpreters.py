"""Workers in the Python versions that users have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.server.scoring_server_process import ScoringServer, find_python, write_script

SCORING_IMAGE = Path(__file__).parents[3] / "scoring-image"
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


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_the_server_itself_in(tmp_path: Path, version: str) -> None:
    """In an image it runs in the base image's interpreter, from its own locked packages."""
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    own = tmp_path / "venv"
    requirements = str(SCORING_IMAGE / "requirements.txt")
    run_uv("venv", "--quiet", "--python", python, str(own))
    run_uv("pip", "sync", "--quiet", "--require-hashes", "--python", str(own / "bin" / "python"), requirements)
    site = next((own / "lib").glob("python3.*")) / "site-packages"
    (site / "localmodel.pth").write_text(f"{SCORING_IMAGE}\n")
    environment = write_script(tmp_path / "app", SCRIPT, part="VALUE = 'sibling'")
    with ScoringServer(
        tmp_path, {**environment, "LOCALMODEL_PYTHON": python}, python=str(own / "bin" / "python")
    ) as server:
        server.wait_until_ready()
        assert server.score({}).json["part"] == "sibling"
        assert server.score({}, {"expect": "100-continue"}).status == 200  # not by the fast path
        assert server.get("/v2/health/ready").status == 200
        assert b"localmodel_requests" in server.get("/metrics").body
        assert server.get("/openapi.json").json["openapi"].startswith("3.")


def run_uv(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("uv")), *arguments], check=True)
