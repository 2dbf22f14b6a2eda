"""Real clients of the protocols, each in an environment of its own: what they need cannot be installed together.

An environment is made on first use in the user's cache folder, and found there afterwards.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import uv

SCRIPTS = Path(__file__).parent / "client_scripts"
_REQUIREMENTS = {
    "kserve": ["kserve==0.21.0"],
    "mlflow": ["mlflow-skinny==3.17.2", "pandas==3.1.1", "numpy==2.4.6", "scipy==1.17.1", "requests==2.34.2"],
    "mlserver": ["mlserver==1.7.1", "pandas==2.3.3"],  # its codecs do not know the strings of pandas 3
    "tritonclient": ["tritonclient[http]==2.73.0"],
    # No client either: the loader of deployment files.
    "azureml": ["azure-ai-ml==1.35.2"],
    # No client: its tracking server.
    "mlflow_server": ["mlflow==3.17.2"],
    # What reads models from buckets and hubs, and servers of buckets.
    "addresses": [
        *("s3fs==2026.9.0", "gcsfs==2026.10.1", "adlfs==2026.8.0", "huggingface-hub==2.4.0"),
        *("moto[s3,server]==5.2.5", "gcp-storage-emulator==2026.7.19"),
    ],
    # Not a client: the interpreter of the entry scripts that have a schema.
    "entry_script": ["inference-schema==1.8", "pandas==3.1.1", "numpy==2.4.6"],
}


def interpreter(name: str) -> Path:
    """The Python of an environment; raises CalledProcessError when it cannot be made."""
    requirements = _REQUIREMENTS[name]
    digest = hashlib.sha256(json.dumps([sys.version, requirements]).encode()).hexdigest()[:12]
    folder = _cache() / f"{name}-{digest}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    _cache().mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be making it
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run(uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(folder))
            _run(uv.find_uv_bin(), "pip", "install", "--quiet", "--python", str(python), *requirements)
            complete.touch()
    return python


def run_client(name: str, *arguments: str) -> Any:
    """What the script of that name prints, as JSON."""
    finished = subprocess.run(
        [interpreter(name), "-I", "-W", "ignore", SCRIPTS / f"{name}_client.py", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stderr + finished.stdout
    return json.loads(finished.stdout.splitlines()[-1])


def azurite() -> list[str]:
    """The command of a server of Azure's buckets, which npm fetches once."""
    folder, version = _cache() / "azurite", "3.37.0"
    _cache().mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / version).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            _run("npm", "install", "--silent", "--ignore-scripts", "--prefix", str(folder), f"azurite@{version}")
            (folder / version).touch()
    return [str(folder / "node_modules" / ".bin" / "azurite-blob")]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "localmodel-conformance"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=600)
