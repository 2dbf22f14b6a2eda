#!/usr/bin/env python3
"""Builds the release of the version in the tree into dist/, and checks it: make release. Nothing is uploaded.

dist/ holds the source archive, the wheel that was built from it, and two lists of components (SBOM, CycloneDX): what
the wheel installs, and what the scoring server brings into an image.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from packaging.metadata import Metadata

from localmodel import __version__

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
BIN = Path(sys.executable).parent


def objections(version: str, changelog: str, changes: str) -> list[str]:
    """Why this tree cannot be released; `changes` is the output of `git status --porcelain`."""
    sections = {
        match[1]: match[2].strip()
        for match in re.finditer(r"^## \[([^\]]+)\](.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    }
    faults = []
    if changes:
        faults.append(f"the tree has changes that are not committed; commit them or put them away:\n{changes.rstrip()}")
    if version not in sections:
        faults.append(f"CHANGELOG.md has no section [{version}]; add one, or change the version")
    elif not re.match(r"- \d{4}-\d\d-\d\d\n", sections[version] + "\n"):
        faults.append(f"CHANGELOG.md: section [{version}] has no date; write ## [{version}] - YYYY-MM-DD")
    if sections.get("Unreleased"):
        faults.append(f"CHANGELOG.md has lines under [Unreleased]; move them to [{version}]")
    return faults


def build() -> Path:
    """Build the wheel from the source archive, so that files missing in the archive are noticed."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(BIN / "python", "-m", "hatchling", "build", "--target", "sdist", "--directory", DIST)
    (archive,) = DIST.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        (source,) = Path(folder).iterdir()
        run(BIN / "python", "-m", "hatchling", "build", "--target", "wheel", "--directory", DIST, folder=source)
    (wheel,) = DIST.glob("*.whl")
    return wheel


def check_contents(wheel: Path, version: str) -> None:
    run(BIN / "check-wheel-contents", wheel)
    with zipfile.ZipFile(wheel) as content:
        text = content.read(f"localmodel-{version}.dist-info/METADATA")
    assert str(Metadata.from_email(text, validate=True).version) == version


def install(wheel: Path, folder: Path) -> Path:
    """Make an environment with only the wheel and its dependencies; return its Python."""
    python = folder / "bin" / "python"
    run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, folder)
    run(BIN / "uv", "pip", "install", "--quiet", "--python", python, "--only-binary", ":all:", wheel)
    for record in folder.rglob("localmodel-*.dist-info/direct_url.json"):
        record.unlink()  # it names the wheel's path on this machine, and would be in the list of components
    return python


def try_out(lmd: Path, version: str, folder: Path) -> None:
    """Serve a script with the installed wheel, as a process, with its own home folder."""
    script = folder / "hello"
    script.mkdir()
    (script / "score.py").write_text("def init():\n    pass\n\n\ndef run(raw_data):\n    return raw_data[::-1]\n")
    home = {**os.environ, "LOCALMODEL_HOME": str(folder / "home")}

    def command(*arguments: str | Path) -> str:
        done = subprocess.run([lmd, *arguments], cwd=folder, env=home, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip()

    assert command("--version").endswith(version)
    assert "troubleshooting" in command("docs", "--list")
    assert "score.py" in command("init", folder / "digits", "--sample", "sklearn-mnist")
    assert command("try", script / "score.py", "--data", "abc") == '"cba"'
    command("apply", script)
    try:
        assert command("invoke", "hello", "--data", "abc") == '"cba"'
    finally:
        command("delete", "hello")


def list_components(python: Path, version: str) -> None:
    sbom = ["--output-reproducible", "--validate", "--of", "JSON"]
    target = DIST / f"localmodel-{version}.cdx.json"
    run(BIN / "cyclonedx-py", "environment", *sbom, "--output-file", target, python)
    server = ROOT / "scoring-image" / "requirements.txt"
    target = DIST / f"localmodel-{version}.scoring-image.cdx.json"
    run(BIN / "cyclonedx-py", "requirements", *sbom, "--output-file", target, server)


def run(*command: str | Path, folder: Path = ROOT) -> None:
    """Run a program; its output is shown only if it fails."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}{Path(command[0]).name} failed; see above")


def step(text: str) -> None:
    print(f"== {text}", flush=True)


def main(arguments: Sequence[str]) -> None:
    if arguments:
        sys.exit("make release takes no arguments: the version is that of the tree")
    status = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    if faults := objections(__version__, (ROOT / "CHANGELOG.md").read_text(), status.stdout):
        sys.exit("\n".join(f"no release: {objection}" for objection in faults))
    step("build the source archive, and the wheel from it")
    wheel = build()
    check_contents(wheel, __version__)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        step("install the wheel in an empty environment, and serve a script with it")
        python = install(wheel, folder / "venv")
        try_out(python.with_name("lmd"), __version__, folder)
        step("list the components")
        list_components(python, __version__)
    for path in sorted(DIST.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  dist/{path.name}")
    print(f"localmodel {__version__} is in dist/. Next: git tag v{__version__}, push the tag, upload the files.")


if __name__ == "__main__":
    main(sys.argv[1:])
