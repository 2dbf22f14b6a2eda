"""From requirements to a lock, once: the same fields give the same packages until they are edited."""

import asyncio
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from localmodel import digests, reasons
from localmodel.disk import files, state_file
from localmodel.environments.formats import asked
from localmodel.environments.formats.definition import pythons
from localmodel.environments.locks import building, no_wheel, own_wheels, previous_locks, wheels
from localmodel.environments.locks.no_wheel import NoWheel
from localmodel.environments.locks.previous_locks import Made
from localmodel.environments.locks.uv import failure, run_uv
from localmodel.errors import UserError
from localmodel.requirements import hashes, requirement
from localmodel.requirements.faults import invalid
from localmodel.requirements.requirement import CheckedRequirement
from localmodel.resource.spec import EnvironmentSpec
from localmodel_untrusted.files import decoded

# uv's names for the platforms that images are built for
PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
_ARCHITECTURES = {of_uv: name for name, of_uv in PLATFORMS.items()}
_WHEELS = "wheels"  # beside the locks: hashes of wheels in wheel folders

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
    def counted(self) -> str:
        """How many packages, in words."""
        count = len(hashes.packages(self.text))
        return f"{count} package" if count == 1 else f"{count} packages"


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


@dataclass(frozen=True)
class Relative:
    """The text of a lock, as far as it is to stay, and the requirements that all of it was resolved from."""

    requirements: tuple[str, ...]
    lock: str


@dataclass(frozen=True)
class _Question:
    """What is to be resolved, with what was read of the requirements."""

    spec: EnvironmentSpec
    wanted: tuple[CheckedRequirement, ...]
    platform: str | None
    note: Note | None

    @property
    def options(self) -> list[str]:
        return ["--python-version", self.spec.python, *(["--python-platform", self.platform] if self.platform else [])]


async def resolve(
    spec: EnvironmentSpec, platform: str | None, locks: Path, note: Note | None = None, own: Sequence[str] = ()
) -> Lock:
    """The environment's lock, from the folder `locks` where it was resolved before.

    `own` are digests of locks that the same deployment has served with, the last one first, or of its environment's
    earlier versions: packages keep the versions of that one as far as the requirements allow, and of no other.
    `platform` is uv's name of the platform it is for; None means this machine. Only for this machine, and only with
    a `note` to say so, is a package without a wheel built from source, which runs its code; all else is resolved from
    wheels, in an environment without programs and without the caller's variables.

    Raises:
        UserError: RequirementsUnresolvable, with uv's own words; WheelMissing, PackageIndexUnreachable,
            PackageIndexRefused, PackageSourcesInvalid, EnvironmentInvalid, StateDamaged.
    """
    wanted = asked.read(spec)
    question = _Question(spec, wanted, platform, None if platform else note)
    past = previous_locks.own(locks, spec.python, _target(platform), own, _digest)
    path = _found(locks, spec, platform, past)
    if path is None:
        before = await _before(question, past[0], locks) if past else None
        path = _place(locks, spec, platform, past[0].digest if past else "")
        _keep(path, spec, platform, await _compile(question, before))
        _tell_what_stayed(before, kept(path), note)
    found = kept(path, wanted)
    if changed := await _changed(question, found.text, locks):
        if note:
            note(f"{', '.join(changed.values())}: the content differs from the lock; locking again")
        text = await _compile(question, Relative((), _versions_only(found.text, changed)))
        _replace(path, spec, platform, text)
        found = kept(path, wanted)
    return found


def of_versions(specs: Iterable[EnvironmentSpec], platform: str | None, locks: Path) -> tuple[str, ...]:
    """Digests of the locks that the versions of a stored environment have, for resolve(); `specs` are the oldest first.

    The last one of them is the version that is asked for: what it has been resolved to is its own, too.
    """
    own: list[str] = []
    for spec in specs:
        places = [_place(locks, spec, platform, digest) for digest in (*own, "")]
        with contextlib.suppress(UserError):  # one that cannot be read is none
            own[:0] = [previous_locks.first_digest(path, _digest) for path in places if path.exists()][:1]
    return tuple(own)


def _digest(path: Path) -> str:
    return kept(path).digest


def _found(locks: Path, spec: EnvironmentSpec, platform: str | None, past: list[Made]) -> Path | None:
    """The file of the lock, if these requirements were resolved before: for the same past, or without any."""
    if same := next((each.path for each in past if each.requirements == spec.requirements), None):
        return same
    places = [_place(locks, spec, platform, digest) for digest in [each.digest for each in past] or [""]]
    return next((path for path in places if path.exists()), None)


def _place(locks: Path, spec: EnvironmentSpec, platform: str | None, before: str) -> Path:
    return locks / f"{key(spec, platform, before).removeprefix('sha256:')}.txt"


async def _before(question: _Question, made: Made, locks: Path) -> Relative | None:
    """What is to stay as it is; of a wheel that is another by now only the version is."""
    try:
        text = kept(made.path).text
    except UserError:
        return None  # as if it were not there
    changed = await _changed(question, text, locks)
    return Relative((), _versions_only(text, changed)) if changed else Relative(made.requirements, text)


async def _changed(question: _Question, text: str, locks: Path) -> dict[str, str]:
    """The locked packages whose wheel in a wheel folder is another one by now, but where the user demands a hash."""
    arguments = (question.spec.python, wheels.platforms(_ARCHITECTURES.get(question.platform or "")), locks / _WHEELS)
    found = await asyncio.to_thread(own_wheels.changed, text, *arguments)
    demanded = _demanded(question.wanted)
    return {name: wheel for name, wheel in found.items() if name not in demanded}


def _versions_only(text: str, names: Collection[str]) -> str:
    """The lock, of these packages without their hashes: the version is to stay."""
    blocks = hashes.packages(text)
    return "".join(f"{_pinned(block)}\n" if hashes.name(block) in names else block for block in blocks)


def _tell_what_stayed(before: Relative | None, now: Lock, note: Note | None) -> None:
    texts = (now.text, before.lock if before else "")
    pinned, had = ({_pinned(block) for block in hashes.packages(text)} for text in texts)
    if note and (stayed := len(pinned & had)):
        note(f"{stayed} of {now.counted} keep their versions; for a newer one, ask for it (name>=version)")


def _pinned(block: str) -> str:
    return re.split(r"\s*\\?\n", block)[0]


def kept(path: Path, wanted: Iterable[CheckedRequirement] = ()) -> Lock:
    """The lock in a file of ours, of all that is wanted.

    Raises:
        UserError: StateDamaged.
    """
    do = "remove it to resolve the requirements again"

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


def key(spec: EnvironmentSpec, platform: str | None, before: str = "") -> str:
    """Digest of everything that a lock is resolved from; `before` is the digest of the lock whose versions stay."""
    said = [spec.python, _target(platform), list(spec.requirements)]
    return digests.of_json([*said, before] if before else said)


def _target(platform: str | None) -> str:
    return platform or f"{sys.platform}-{os.uname().machine}"


def keep(spec: EnvironmentSpec, lock: Lock, locks: Path) -> None:
    """Have this machine's resolve() give this lock, unless it has resolved these requirements already."""
    _keep(_place(locks, spec, None, ""), spec, None, lock.text)


def _keep(path: Path, spec: EnvironmentSpec, platform: str | None, text: str) -> None:
    with contextlib.suppress(FileExistsError):  # somebody else was first: theirs is in use
        files.create(path, text.encode())
        _remember(path, spec, platform)


def _replace(path: Path, spec: EnvironmentSpec, platform: str | None, text: str) -> None:
    """Put another lock into the place of one; who has served with that one finds this one as their own."""
    _remember(path, spec, platform)
    files.write(path, text.encode())
    _remember(path, spec, platform)


def _remember(path: Path, spec: EnvironmentSpec, platform: str | None) -> None:
    previous_locks.remember(path, spec.python, _target(platform), spec.requirements, _digest(path))


async def _compile(question: _Question, before: Relative | None = None) -> str:
    if not question.wanted:
        return ""
    if before and before.requirements and (text := await _added(question, before)):
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
    pins = "".join(f"{_pinned(block)}\n" for block in had.values())
    code, text, _ = await _run(new, question.options, pins=pins) if new else (0, "", "")
    if code != 0:
        return None
    demanded = _demanded(new)
    found = {hashes.name(block): block for block in hashes.packages(hashes.restrict(text, demanded))}
    merged = {**found, **had, **{name: found[name] for name in demanded if name in found}}
    return "".join(merged[name].rstrip("\n") + "\n" for name in sorted(merged))


async def _run(
    requirements: tuple[CheckedRequirement, ...],
    options: list[str],
    kept: str = "",
    pins: str = "",
    built: tuple[str, ...] = (),
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


def _demanded(requirements: tuple[CheckedRequirement, ...]) -> dict[str, frozenset[str]]:
    """The hashes that the requirements demand, by package."""
    return {wanted.name: wanted.hashes for wanted in requirements if wanted.hashes}


def _by_address(name: str) -> UserError:
    """A wheel may say that it needs what lies on this machine, or in a repository: that is not for it to decide."""
    return UserError(
        reasons.REQUIREMENTS_UNRESOLVABLE,
        f"{_FIELD}: a wheel that is named by its address needs {name or 'a package'} from an address, too: name that "
        "one yourself, or put its wheel into a folder that packages.toml names (find-links)",
    )


def _failure(err: str) -> UserError:
    return failure(reasons.REQUIREMENTS_UNRESOLVABLE, _FIELD, re.sub(r"[^\x00-\x7f]+", " ", err + own_wheels.hint(err)))
