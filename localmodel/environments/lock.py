"""From requirements to a lock, once: the same fields give the same packages until they are edited."""

import contextlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from localmodel import digests, files
from localmodel.environments import hashes, relatives
from localmodel.environments.relatives import Relative
from localmodel.environments.sources import holds_secret, scrub
from localmodel.environments.uv import failure, run_uv
from localmodel.errors import UserError
from localmodel.spec import EnvironmentSpec

# uv's names for the platforms that images are built for
PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}


@dataclass(frozen=True)
class Lock:
    """Every package with version and hashes, in pip's requirements format."""

    text: str

    @property
    def digest(self) -> str:
        return digests.of_bytes(self.text.encode())

    @property
    def count(self) -> int:
        """How many packages."""
        return len(hashes.packages(self.text))


async def resolve(spec: EnvironmentSpec, platform: str | None, locks: Path) -> Lock:
    """The environment's lock, from the folder `locks` where it was resolved before.

    Where almost the same requirements were, packages keep their versions as far as the others allow. `platform` is
    uv's name of the platform it is for; None means this machine.

    Raises:
        UserError: RequirementsUnresolvable, with uv's own words; PackageIndexUnreachable, PackageIndexRefused,
            PackageSourcesInvalid.
    """
    path = locks / f"{key(spec, platform).removeprefix('sha256:')}.txt"
    if not path.exists():
        before = relatives.nearest(locks, spec.python, _target(platform), spec.requirements)
        _keep(path, spec, platform, await _compile(spec, platform, before))
    return Lock(path.read_text())


def key(spec: EnvironmentSpec, platform: str | None) -> str:
    """Digest of everything that a lock is resolved from."""
    return digests.of_json([spec.python, _target(platform), list(spec.requirements)])


def _target(platform: str | None) -> str:
    return platform or f"{sys.platform}-{os.uname().machine}"


def keep(spec: EnvironmentSpec, lock: Lock, locks: Path) -> None:
    """Have this machine's resolve() give this lock, unless it has resolved these requirements already."""
    _keep(locks / f"{key(spec, None).removeprefix('sha256:')}.txt", spec, None, lock.text)


def _keep(path: Path, spec: EnvironmentSpec, platform: str | None, text: str) -> None:
    with contextlib.suppress(FileExistsError):  # somebody else was first: theirs is in use
        files.create(path, text.encode())
        relatives.remember(path, spec.python, _target(platform), spec.requirements)


async def _compile(spec: EnvironmentSpec, platform: str | None, before: Relative | None = None) -> str:
    for index, requirement in enumerate(spec.requirements):
        _check(f"spec.environment.requirements[{index}]", requirement)
    if not spec.requirements:
        return ""
    options = ["--python-version", spec.python, *(["--python-platform", platform] if platform else [])]
    if before and (text := await _added(spec, options, before)):
        return text
    # uv prefers the versions that it finds in its output file
    code, text, err = await _run(spec.requirements, options, before.lock if before else "")
    if code != 0:
        plain = tuple(hashes.split(requirement)[0] for requirement in spec.requirements)
        raise failure("RequirementsUnresolvable", "spec.environment.requirements", _in_fields(err, plain))
    return hashes.restrict(text, _demanded(spec.requirements))


async def _added(spec: EnvironmentSpec, options: list[str], before: Relative) -> str | None:
    """The lock before and what is new, where nothing else is: the index is asked for that only.

    None if something else is, or what is new needs another version of something in the lock.
    """
    if not set(before.requirements) <= set(spec.requirements):
        return None
    new = tuple(requirement for requirement in spec.requirements if requirement not in before.requirements)
    had = {hashes.name(block): block for block in hashes.packages(before.lock)}
    pins = "".join(re.split(r"\s*\\?\n", block)[0] + "\n" for block in had.values())
    code, text, _ = await _run(new, options, pins=pins) if new else (0, "", "")
    if code != 0:
        return None
    demanded = _demanded(new)
    found = {hashes.name(block): block for block in hashes.packages(hashes.restrict(text, demanded))}
    merged = {**found, **had, **{name: found[name] for name in demanded if name in found}}
    return "".join(merged[name].rstrip("\n") + "\n" for name in sorted(merged))


async def _run(
    requirements: tuple[str, ...], options: list[str], kept: str = "", pins: str = ""
) -> tuple[int, str, str]:
    """Resolve the requirements; returns uv's exit code, the lock, and what uv says of errors."""
    plain = "\n".join(hashes.split(requirement)[0] for requirement in requirements)
    with tempfile.TemporaryDirectory() as folder:
        out = _written(Path(folder, "lock.txt"), kept)
        arguments = ["pip", "compile", "-", "--output-file", str(out), *options, "--generate-hashes", "--no-header"]
        arguments += ["--no-annotate", "--quiet", "--no-progress", "--no-emit-index-url", "--no-emit-find-links"]
        arguments += ["--constraints", str(_written(Path(folder, "pins.txt"), pins))] if pins else []
        code, _, err = await run_uv(arguments, plain)
        return code, _text(out), err


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _text(path: Path) -> str:
    return path.read_text()


def _demanded(requirements: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """The hashes that the requirements demand, by package."""
    split = map(hashes.split, requirements)
    return {hashes.name(text): wanted for text, wanted in split if wanted}


def _check(field: str, requirement: str) -> None:
    if requirement.lstrip().startswith("-") or "\n" in requirement:
        raise UserError("RequirementsUnresolvable", f"{field}: {requirement!r} is an option, not a requirement")
    if holds_secret(requirement):
        raise UserError(
            "RequirementsUnresolvable",
            f"{field}: {scrub(requirement)!r} holds a user name or a password; put them into ~/.netrc, out of the lock",
        )


def _in_fields(message: str, requirements: tuple[str, ...]) -> str:
    """uv's words in one line, with the requirement's index where uv quotes one it cannot parse."""
    text = re.sub(r"\s+", " ", re.sub(r"[^\x00-\x7f]+", " ", message)).strip().removeprefix("error: ")
    if index := _quoted(text, requirements):
        text = f"[{index - 1}] {requirements[index - 1]!r} is not a requirement: {text}"
    return text


def _quoted(message: str, requirements: tuple[str, ...]) -> int:
    """Number, from 1, of the requirement that uv points at by a position or a line of its input; 0 for none."""
    if found := re.search(r"requirement in `-` at position (\d+)", message):
        return "\n".join(requirements).encode()[: int(found[1])].count(b"\n") + 1
    found = re.search(r" -:(\d+):\d+", message)
    return int(found[1]) if found and int(found[1]) <= len(requirements) else 0
