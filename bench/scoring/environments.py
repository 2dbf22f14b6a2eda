"""A virtual environment for each server, kept in the user's cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "localmodel-bench"
ROOT = Path(__file__).resolve().parents[2]

# The newest Python with which all servers can be installed.
MODEL_STACK = ("scikit-learn==1.9.1", "numpy==2.4.6", "scipy==1.17.1", "joblib==1.6.0")

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "user": (*MODEL_STACK, "inference-schema[numpy-support]==1.8"),
    "azureml": (*MODEL_STACK, "inference-schema[numpy-support]==1.8", "azureml-inference-server-http==1.5.1"),
    # With a newer uvloop its worker processes do not start, because they ask for a loop that does not exist.
    "mlserver": (*MODEL_STACK, "mlserver==1.7.1", "mlserver-sklearn==1.7.1", "uvloop<0.22"),
    "bentoml": (*MODEL_STACK, "bentoml==1.4.39"),
    "litserve": (*MODEL_STACK, "litserve==0.2.19", "pyzmq==27.3.0"),
    "kserve": (*MODEL_STACK, "kserve==0.21.0"),
    "fastapi": (*MODEL_STACK, "fastapi==0.165.0", "uvicorn[standard]==0.54.0", "orjson==3.13.0"),
    "control": (*MODEL_STACK, "uvicorn[standard]==0.54.0", "pysimdjson==7.0.2"),
}


def ensure(name: str) -> Path:
    """The folder with an environment's programs, after making or completing it."""
    if name == "server":
        return _ensure_server()
    return _install(name, list(REQUIREMENTS[name]))


def _ensure_server() -> Path:
    """Install our server from this checkout: its locked packages, and a path to its source."""
    bin_folder = _install("server", ["--requirements", str(ROOT / "scoring-image" / "requirements.txt")])
    site = sysconfig.get_path("purelib", vars={"base": str(bin_folder.parent)})
    (Path(site) / "localmodel_server.pth").write_text(f"{ROOT / 'scoring-image'}\n")
    return bin_folder


def _install(name: str, what: list[str]) -> Path:
    folder = CACHE / name
    uv = Path(sys.executable).with_name("uv")
    python = folder / "bin" / "python"
    if not python.exists():
        _run(str(uv), "venv", "--quiet", "--python", os.path.realpath(sys.executable), str(folder))
    _run(str(uv), "pip", "install", "--quiet", "--python", str(python), *what)
    return folder / "bin"


def _run(*command: str) -> None:
    done = subprocess.run(command, text=True, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command[:4])} … failed: {done.stderr.strip()}")
