"""From requirements to a lock, once: the same fields give the same packages until they are edited."""

import contextlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from localmodel import digests, files
from localmodel.environments import hashes
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

    `platform` is uv's name of the platform it is for; None means this machine.

    Raises:
        UserError: RequirementsUnresolvable, with uv's own words; PackageIndexUnreachable, PackageIndexRefused,
            PackageSourcesInvalid.
    """
    path = locks / f"{key(spec, platform).removeprefix('sha256:')}.txt"
    if not path.exists():
        files.write(path, (await _compile(spec, platform)).encode())
    return Lock(path.read_text())


def key(spec: EnvironmentSpec, platform: str | None) -> str:
    """Digest of everything that a lock is resolved from."""
    target = platform or f"{sys.platform}-{os.uname().machine}"
    return digests.of_json([spec.python, target, list(spec.requirements)])


def keep(spec: EnvironmentSpec, lock: Lock, locks: Path) -> None:
    """Have this machine's resolve() give this lock, unless it has resolved these requirements already."""
    with contextlib.suppress(FileExistsError):
        files.create(locks / f"{key(spec, None).removeprefix('sha256:')}.txt", lock.text.encode())


async def _compile(spec: EnvironmentSpec, platform: str | None) -> str:
    for index, requirement in enumerate(spec.requirements):
        _check(f"spec.environment.requirements[{index}]", requirement)
    if not spec.requirements:
        return ""
    plain, demanded = [], {}
    for requirement in spec.requirements:
        text, wanted = hashes.split(requirement)
        plain.append(text)
        if wanted:
            demanded[hashes.name(text)] = wanted
    arguments = ["pip", "compile", "-", "--python-version", spec.python, "--generate-hashes", "--no-header"]
    arguments += ["--no-annotate", "--quiet", "--no-progress", "--no-emit-index-url", "--no-emit-find-links"]
    if platform:
        arguments += ["--python-platform", platform]
    code, out, err = await run_uv(arguments, "\n".join(plain))
    if code != 0:
        raise failure("RequirementsUnresolvable", "spec.environment.requirements", _in_fields(err, tuple(plain)))
    return hashes.restrict(out, demanded)


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
