"""Load from wrk, on 127.0.0.1 only."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from scoring.forms import Message

_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """wrk's figures: requests/s, times in milliseconds, counts of failures."""

    rate: float
    p50: float
    p99: float
    lost: int
    non_2xx: int
    requests: int
    seconds: float  # that it lasted
    processor_seconds: float  # of wrk itself


def require() -> None:
    """End the program if there is no wrk."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed, and it makes the load: apt-get install wrk")


def load(port: int, path: str, request: Message, body_file: Path, connections: int, seconds: int) -> Load:
    """Keep `connections` busy with the same request for some seconds; body_file is written first."""
    body_file.write_bytes(request.body)
    headers = [part for pair in request.headers.items() for part in pair]
    bounds = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    address = f"http://127.0.0.1:{port}{path}"
    command = ["wrk", *bounds, "-s", str(_SCRIPT), address, "--", str(body_file), *headers]
    before = _children_seconds()
    done = subprocess.run(command, text=True, capture_output=True, timeout=seconds + 60)
    lines = done.stderr.strip().splitlines()
    if done.returncode != 0 or not lines or not lines[-1].startswith("{"):
        raise SystemExit(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    seen = json.loads(lines[-1])
    return Load(
        rate=(seen["requests"] - seen["non_2xx"]) / (seen["microseconds"] / 1e6),
        p50=seen["p50"] / 1000,
        p99=seen["p99"] / 1000,
        lost=seen["lost"],
        non_2xx=seen["non_2xx"],
        requests=seen["requests"],
        seconds=seen["microseconds"] / 1e6,
        processor_seconds=_children_seconds() - before,
    )


def _children_seconds() -> float:
    """Processor time of this program's ended processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
