"""What pip installs works without the checkout."""

import subprocess
from pathlib import Path

from support.lmd_command import Lmd, script
from uv import find_uv_bin

ROOT = Path(__file__).parents[3]


def test_an_installed_wheel_serves_a_manifest(tmp_path: Path, lmd: Lmd) -> None:
    wheels, place = tmp_path / "wheels", tmp_path / "installed"
    pins = ("--build-constraints", ROOT / "requirements-dev.txt", "--require-hashes")
    uv(ROOT, "build", "--quiet", "--wheel", *pins, "--out-dir", wheels)
    uv(tmp_path, "venv", "--quiet", place)
    (wheel,) = wheels.glob("*.whl")
    uv(tmp_path, "pip", "install", "--quiet", "--python", place / "bin" / "python", wheel)

    installed = Lmd(tmp_path, str(place / "bin" / "lmd"))
    installed.home, installed.port = lmd.home, lmd.port
    result = installed.apply(script("__import__('sys').path"))
    assert result.code == 0, result.err
    assert not any(str(ROOT) in folder for folder in lmd.ask().body)
    variables = Path(f"/proc/{lmd.pid()}/environ").read_text()
    assert str(place) in variables and str(ROOT) not in variables
    assert "pip install 'localmodel[operator]'" in installed("operator", "run").err
    assert installed("delete", "digits").code == 0


def uv(folder: Path, *arguments: str | Path) -> None:
    subprocess.run([find_uv_bin(), *arguments], cwd=folder, check=True)
