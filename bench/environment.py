#!/usr/bin/env python3
"""How long an environment takes: the first time, again, with one more package; as a virtual environment and an image.

Ours is `lmd env create` and `lmd env build`, lock with hashes included. The usual way is `python -m venv` and
`pip install -r`. As an image, ours is `lmd env build --docker`; the other is Azure ML's way, a Dockerfile that installs
requirements and scoring server in one layer without a cache, with pip in conda's place (no channel is assumed).

"First" starts with empty caches of uv and pip, and downloads; "warm" has the caches and nothing else; "added" adds one
line to the requirements of the environment that is there; "again" changes nothing. "Import" is not against the usual
way: the first import of scikit-learn in the first environment, which compiles what it imports, beside that in the one
with a package more. Rounds take turns, and the best of each counts: other work only ever slows one down. The image part
is left out where no Docker engine has the base image.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PACKAGES = ("scikit-learn", "joblib", "numpy")
ADDED = "tabulate"
SERVER = "azureml-inference-server-http"
PYTHON = "3.11"  # of the base image that hack/engine-up makes
LMD = Path(sys.executable).with_name("lmd")

Seconds = dict[str, list[float]]


class Site:
    """A folder with empty caches and the requirements."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requirements = folder / "requirements.txt"
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        self.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        if "PIP_CERT" in os.environ:
            self.environ["PIP_CERT"] = os.environ["PIP_CERT"]
        self.environ |= {
            "LOCALMODEL_HOME": str(folder / "home"),
            "UV_CACHE_DIR": str(folder / "uv-cache"),
            "PIP_CACHE_DIR": str(folder / "pip-cache"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self.want()

    def want(self, *added: str) -> None:
        self.requirements.write_text("".join(f"{package}\n" for package in (*PACKAGES, *added)))

    def run(self, *command: str | Path) -> str:
        result = subprocess.run(command, env=self.environ, cwd=self.folder, capture_output=True, text=True, check=False)
        if result.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} failed:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
        return result.stdout.strip()

    def ours(self, *options: str) -> str:
        self.run(LMD, "env", "create", "bench", "--requirements", self.requirements, "--python", PYTHON)
        return self.run(LMD, "env", "build", "bench", *options)

    def pip(self) -> None:
        """Install with pip into the virtual environment, which is made if necessary."""
        python = self.folder / "venv" / "bin" / "python"
        if not python.exists():
            self.run(sys.executable, "-m", "venv", self.folder / "venv")
        self.run(python, "-m", "pip", "install", "--quiet", "-r", self.requirements)

    def forget(self, *names: str) -> None:
        for name in names:
            shutil.rmtree(self.folder / name, ignore_errors=True)


def virtual_environments(site: Site) -> Seconds:
    """One round of each, with the caches emptied first."""
    site.forget("home", "venv", "uv-cache", "pip-cache")
    results: Seconds = {}
    imports: list[float] = []
    pythons: list[str] = []
    for case in ("first", "warm", "added"):
        site.want(*([ADDED] if case == "added" else []))
        if case == "warm":
            site.forget("home", "venv")
        results[case] = [timed(lambda: pythons.append(site.ours())), timed(site.pip)]
        if case != "first":
            imports.insert(0, timed(lambda: site.run(pythons[-1], "-c", "import sklearn.ensemble")))
    results["added-import"] = imports
    # what is there already is only looked up
    results["again"] = [timed(site.ours), timed(site.pip)]
    return results


def images(site: Site) -> Seconds:
    """One round of each: a store without layers, with wheels in uv's cache, and a Dockerfile without a cache."""
    site.forget("home")
    results: Seconds = {}
    tags: list[str] = []
    try:
        for case in ("image-first", "image-added"):
            site.want(*([ADDED] if case == "image-added" else []))
            ours = timed(lambda: tags.append(site.ours("--docker")))
            results[case] = [ours, timed(lambda: tags.append(azures_way(site)))]
    finally:
        label = f"localmodel.dev/store={(site.folder / 'home' / 'store' / 'id').read_text().strip()}"
        site.run("docker", "rmi", *set(tags))
        site.run("docker", "image", "prune", "--force", "--filter", f"label={label}")
    return results


def azures_way(site: Site) -> str:
    context = site.folder / "azure"
    context.mkdir(exist_ok=True)
    (context / "requirements.txt").write_text(site.requirements.read_text() + f"{SERVER}\n")
    certificates = os.environ.get("SSL_CERT_FILE")
    (context / "ca.pem").write_bytes(Path(certificates).read_bytes() if certificates else b"")
    (context / "Dockerfile").write_text(
        f"FROM python:{PYTHON}-slim\nCOPY ca.pem requirements.txt /build/\n"
        "RUN if [ -s /build/ca.pem ]; then export PIP_CERT=/build/ca.pem; fi && python3 -m venv /opt/env"
        " && /opt/env/bin/pip install --quiet --no-cache-dir -r /build/requirements.txt\n"
    )
    site.run("docker", "build", "--quiet", "--no-cache", "-t", "localmodel-bench/azure:1", context)
    return "localmodel-bench/azure:1"


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def report(rounds: list[Seconds], other: str) -> None:
    for case in rounds[0]:
        ours, theirs = (min(one_round[case][which] for one_round in rounds) for which in (0, 1))
        beside = "in one made from nothing" if case == "added-import" else other
        print(f"{case}: ours {ours:.1f} s, {beside} {theirs:.1f} s")
    for case in rounds[0]:
        ours, theirs = (min(one_round[case][which] for one_round in rounds) for which in (0, 1))
        print(f"ratio environment-{case} {theirs / ours:.2f}", flush=True)


def has_engine() -> bool:
    if shutil.which("docker") is None:
        return False
    command = ["docker", "image", "inspect", f"python:{PYTHON}-slim"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="of each (default: %(default)s)")
    parser.add_argument("--no-images", action="store_true", help="leave the image part out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        report([virtual_environments(site) for _ in range(options.rounds)], "venv and pip")
        if options.no_images or not has_engine():
            print(f"images: left out (no Docker engine with python:{PYTHON}-slim, or not wanted)")
        else:
            report([images(site) for _ in range(options.rounds)], "Dockerfile with pip")


if __name__ == "__main__":
    main()
