"""An environment as pip makes it for somebody without the checkout."""

import subprocess
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).parents[2]


def install(folder: Path) -> Path:
    """An environment in the folder, with nothing but the wheel and what it requires."""
    wheels, place = folder / "wheels", folder / "installed"
    pins = ("--build-constraints", ROOT / "requirements-dev.txt", "--require-hashes")
    _uv(ROOT, "build", "--quiet", "--wheel", *pins, "--out-dir", wheels)
    _uv(folder, "venv", "--quiet", place)
    (wheel,) = wheels.glob("*.whl")
    _uv(folder, "pip", "install", "--quiet", "--python", place / "bin" / "python", wheel)
    return place


def _uv(folder: Path, *arguments: str | Path) -> None:
    subprocess.run([find_uv_bin(), *arguments], cwd=folder, check=True)
