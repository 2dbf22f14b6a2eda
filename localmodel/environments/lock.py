"""From requirements to a lock, once: the same fields give the same packages until they are edited."""

import asyncio
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from localmodel import digests, files, state_file
from localmodel.environments import asked, building, hashes, no_wheel, relatives, requirement
from localmodel.environments.definition import invalid, pythons
from localmodel.environments.no_wheel import NoWheel
from localmodel.environments.relatives import Relative
from localmodel.environments.requirement import Wanted
from localmodel.environments.uv import failure, run_uv
from localmodel.errors import UserError
from localmodel.spec import EnvironmentSpec
from localmodel_untrusted.files import decoded

# uv's names for the platforms that images are built for
PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}

# Tells the user something
Note: TypeAlias = Callable[[str], None]

_FIELD = "spec.environment.requirements"


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


def read(text: str, where: str) -> Lock:
    """The lock in a text from outside: packages with one version and hashes, and nothing else that installers obey.

    Raises:
        UserError: EnvironmentInvalid.
    """
    written = ""
    for block in hashes.packages(text):
        wanted = requirement.read(" ".join(block.replace("\\", " ").split()), where)
        if not wanted.hashes or not wanted.is_pinned:
            raise invalid(where, f"{wanted.text}: a lock has one version and its hashes for each package")
        kept = "".join(f" \\\n    --hash={found}" for found in hashes.listed(block))
        written += f"{wanted.text}{kept}\n"
    return Lock(written)


async def resolve(spec: EnvironmentSpec, platform: str | None, locks: Path, note: Note | None = None) -> Lock:
    """The environment's lock, from the folder `locks` where it was resolved before.

    Where almost the same requirements were, packages keep their versions as far as the others allow. `platform` is
    uv's name of the platform it is for; None means this machine. Only for this machine, and only with a `note` to say
    so, is a package without a wheel built from source, which runs its code; all else is resolved from wheels, in an
    environment without programs and without the caller's variables.

    Raises:
        UserError: RequirementsUnresolvable, with uv's own words; WheelMissing, PackageIndexUnreachable,
            PackageIndexRefused, PackageSourcesInvalid, EnvironmentInvalid, StateDamaged.
    """
    wanted = asked.read(spec)
    path = locks / f"{key(spec, platform).removeprefix('sha256:')}.txt"
    if not path.exists():
        before = _relative(locks, spec, platform)
        found = await _compile(_Question(spec, wanted, platform, None if platform else note), before)
        _keep(path, spec, platform, found)
    return kept(path, wanted)


def kept(path: Path, wanted: Iterable[Wanted] = ()) -> Lock:
    """The lock in a file of ours, of all that is wanted.

    Raises:
        UserError: StateDamaged.
    """
    do = "remove it, and the requirements are resolved anew"

    def parse(content: bytes) -> Lock:
        found = read(decoded(content), "its text")
        there = {hashes.name(block) for block in hashes.packages(found.text)}
        for each in wanted:
            if each.name not in there and ";" not in each.text:  # a marker may leave it out
                raise ValueError(f"it lacks {each.name}")
        return found

    found = state_file.load(path, parse, do)
    if found is None:
        raise state_file.damaged(path, "it has gone", do)
    return found


def _relative(locks: Path, spec: EnvironmentSpec, platform: str | None) -> Relative | None:
    found = relatives.nearest(locks, spec.python, _target(platform), spec.requirements)
    try:
        return Relative(found.requirements, read(found.lock, str(locks)).text) if found else None
    except UserError:
        return None  # as if it were not there


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


@dataclass(frozen=True)
class _Question:
    """What is to be resolved, with what was read of the requirements."""

    spec: EnvironmentSpec
    wanted: tuple[Wanted, ...]
    platform: str | None
    note: Note | None

    @property
    def options(self) -> list[str]:
        return ["--python-version", self.spec.python, *(["--python-platform", self.platform] if self.platform else [])]


async def _compile(question: _Question, before: Relative | None = None) -> str:
    if not question.wanted:
        return ""
    if before and (text := await _added(question, before)):
        return text
    # uv prefers the versions that it finds in its output file
    kept = before.lock if before else ""
    (code, text, err), missing = await building.wheels_first(
        lambda built: _run(question.wanted, question.options, kept, built=built), question.note
    )
    if missing and missing.has_address:
        raise _by_address(missing.name)
    if missing:
        others = await _pythons(question, missing)
        raise no_wheel.error(_FIELD, missing, question.spec.python, _in_words(question.platform), others)
    addresses = {wanted.url for wanted in question.wanted if wanted.url}
    if code != 0:
        raise _by_address("") if addresses and re.search(r"file:/|git\+|Git ", err) else _failure(err)
    for block in hashes.packages(text):
        if (found := re.match(r"\S+ @ (\S+)", block)) and found[1] not in addresses:
            raise _by_address(hashes.name(block))
    return hashes.restrict(text, _demanded(question.wanted))


async def _added(question: _Question, before: Relative) -> str | None:
    """The lock before and what is new, where nothing else is: the index is asked for that only.

    None if something else is, or what is new needs another version of something in the lock.
    """
    spec = question.spec
    if not set(before.requirements) <= set(spec.requirements):
        return None
    both = zip(spec.requirements, question.wanted, strict=True)
    new = tuple(wanted for text, wanted in both if text not in before.requirements)
    if any(wanted.url for wanted in new):
        return None
    had = {hashes.name(block): block for block in hashes.packages(before.lock)}
    pins = "".join(re.split(r"\s*\\?\n", block)[0] + "\n" for block in had.values())
    code, text, _ = await _run(new, question.options, pins=pins) if new else (0, "", "")
    if code != 0:
        return None
    demanded = _demanded(new)
    found = {hashes.name(block): block for block in hashes.packages(hashes.restrict(text, demanded))}
    merged = {**found, **had, **{name: found[name] for name in demanded if name in found}}
    return "".join(merged[name].rstrip("\n") + "\n" for name in sorted(merged))


async def _run(
    requirements: tuple[Wanted, ...], options: list[str], kept: str = "", pins: str = "", built: tuple[str, ...] = ()
) -> tuple[int, str, str]:
    """Resolve the requirements; returns uv's exit code, the lock, and what uv says of errors.

    Only the packages named in `built` are built from source; for them uv finds the machine's programs.
    """
    plain = "".join(f"{wanted.text}\n" for wanted in requirements)
    with tempfile.TemporaryDirectory() as folder:
        out = _written(Path(folder, "lock.txt"), kept)
        arguments = ["pip", "compile", "-", "--output-file", str(out), *options, "--generate-hashes", "--no-header"]
        arguments += ["--no-annotate", "--no-progress", "--no-emit-index-url", "--no-emit-find-links"]
        arguments += ["--constraints", str(_written(Path(folder, "pins.txt"), pins))] if pins else []
        arguments += [*building.options(built), *([] if built else ["--python", sys.executable])]
        code, _, err = await run_uv(arguments, plain, programs=bool(built))
        return code, _text(out), err


async def _pythons(question: _Question, missing: NoWheel) -> list[str]:
    """The other versions of Python for which the package has a wheel on the platform."""
    if not missing.version:
        return []
    pinned = (requirement.read(f"{missing.name}=={missing.version}", _FIELD),)
    others = [version for version in pythons() if version != question.spec.python]
    questions = [replace(question, spec=replace(question.spec, python=version)) for version in others]
    answers = await asyncio.gather(*(_run(pinned, [*each.options, "--no-deps"]) for each in questions))
    return [version for version, (code, _, _) in zip(others, answers, strict=True) if code == 0]


def _in_words(platform: str | None) -> str:
    return next((f"linux/{name}" for name, of_uv in PLATFORMS.items() if of_uv == platform), "this machine")


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _text(path: Path) -> str:
    return path.read_text()


def _demanded(requirements: tuple[Wanted, ...]) -> dict[str, frozenset[str]]:
    """The hashes that the requirements demand, by package."""
    return {wanted.name: wanted.hashes for wanted in requirements if wanted.hashes}


def _by_address(name: str) -> UserError:
    """A wheel may say that it needs what lies on this machine, or in a repository: that is not for it to decide."""
    return UserError(
        "RequirementsUnresolvable",
        f"{_FIELD}: a wheel that is named by its address needs {name or 'a package'} from an address, too: name that "
        "one yourself, or put its wheel into a folder that packages.toml names (find-links)",
    )


def _failure(err: str) -> UserError:
    return failure("RequirementsUnresolvable", _FIELD, re.sub(r"[^\x00-\x7f]+", " ", err))
