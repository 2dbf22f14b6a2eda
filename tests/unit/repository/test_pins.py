"""What is written down of packages: the versions that lint and tests run with, and those of a scoring image."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[3]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = ("dev", "docker", "git", "mlflow", "operator", "samples")
HASH = re.compile(r" \\\n    --hash=sha256:[0-9a-f]{64}")


def declared_for_development() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert set(extras) == set(EXTRAS)
    texts = [*project["dependencies"], *(text for extra in extras.values() for text in extra)]
    return [text for text in texts if not text.startswith("localmodel[")]


def declared_for_the_server() -> list[str]:
    lines = (ROOT / "scoring-image/requirements.in").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


DECLARED = {
    "requirements-dev.txt": declared_for_development,
    "scoring-image/requirements.txt": declared_for_the_server,
}


@pytest.mark.parametrize("path", DECLARED)
def test_every_package_that_is_declared_is_pinned_with_hashes(path: str) -> None:
    pins: dict[str, list[Requirement]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", (ROOT / path).read_text()):
        if not block.startswith("#"):
            assert HASH.search(block), block.splitlines()[0]
            pin = Requirement(block.split(" \\\n")[0])
            pins.setdefault(pin.name, []).append(pin)
    for requirement in map(Requirement, DECLARED[path]()):
        for python in PYTHONS:
            environment = {"python_version": python, "python_full_version": f"{python}.0"}
            if requirement.marker and not requirement.marker.evaluate(environment):
                continue
            found = [
                str(next(iter(pin.specifier)).version)
                for pin in pins.get(canonicalize_name(requirement.name), [])
                if not pin.marker or pin.marker.evaluate(environment)
            ]
            assert len(found) == 1, f"{requirement}, Python {python}: {found}"
            assert requirement.specifier.contains(found[0], prereleases=True), f"{requirement}: {found[0]} is pinned"


@pytest.mark.parametrize("path", DECLARED)
def test_the_pins_name_no_place(path: str) -> None:
    places = re.compile(r"://| @ |(?<![\w-])/|^--?(?!hash)", re.MULTILINE)
    assert not places.findall((ROOT / path).read_text())
