"""Resolves requirements to a lock once, so that the same fields give the same packages until they are edited."""

import asyncio
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from localmodel import digests, reasons
from localmodel.disk import files, state_file
from localmodel.environments.formats import asked
from localmodel.environments.formats.definition import pythons
from localmodel.environments.locks import building, no_wheel, own_wheels, previous_locks, wheels
from localmodel.environments.locks.no_wheel import NotBuiltError, NoWheel
from localmodel.environments.locks.previous_locks import Made
from localmodel.environments.locks.uv import failure, run_uv
from localmodel.errors import UserError
from localmodel.requirements import hashes, misnamed, requirement, sources
from localmodel.requirements.faults import invalid
from localmodel.requirements.requirement import CheckedRequirement
from localmodel.resource.spec import EnvironmentSpec
from localmodel_untrusted.files import decoded

# uv's names for the platforms that images are built for
PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
_ARCHITECTURES = {of_uv: name for name, of_uv in PLATFORMS.items()}
_WHEELS = "wheels"  # beside the locks: hashes of wheels in wheel folders

# Gets a sentence for the user
Note: TypeAlias = Callable[[str], None]

_FIELD = "spec.environment.requirements"


@dataclass(frozen=True)
class Lock:
    """Every package with version and hashes, in pip's requirements format.

    `built_wheels` is a folder with wheels that were built for it.
    """

    text: str
    built_wheels: Path | None = field(default=None, compare=False)

    @property
    def digest(self) -> str:
        return digests.of_bytes(self.text.encode())

    @property
    def counted(self) -> str:
        """The number of packages, in words."""
        count = len(hashes.packages(self.text))
        return f"{count} package" if count == 1 else f"{count} packages"


def read(text: str, where: str) -> Lock:
    """The lock in a text from outside, checked to have only packages with one version and hashes.

    Raises:
        UserError: EnvironmentInvalid.
    """
    lines = ""
    for block in hashes.packages(text):
        pinned = requirement.read(" ".join(block.replace("\\", " ").split()), where)
        if not pinned.hashes or not pinned.is_pinned:
            raise invalid(where, f"{pinned.text}: a lock has one version and its hashes for each package")
        kept = "".join(f" \\\n    --hash={digest}" for digest in hashes.listed(block))
        lines += f"{pinned.text}{kept}\n"
    return Lock(lines)


@dataclass(frozen=True)
class Relative:
    """A previous lock: the part of its text that is to stay, and the requirements that all of it was resolved from."""

    requirements: tuple[str, ...]
    lock: str


@dataclass(frozen=True)
class _Question:
    """What is to be resolved, with the parsed requirements."""

    spec: EnvironmentSpec
    wanted: tuple[CheckedRequirement, ...]
    platform: str | None
    note: Note | None
    built_wheels: Path | None

    @property
    def options(self) -> list[str]:
        return ["--python-version", self.spec.python, *(["--python-platform", self.platform] if self.platform else [])]


async def resolve(
    spec: EnvironmentSpec,
    platform: str | None,
    locks: Path,
    note: Note | None = None,
    own: Sequence[str] = (),
    built_wheels: Path | None = None,
) -> Lock:
    """The environment's lock, taken from the folder `locks` if it was resolved before.

    `own` are digests of locks that the same deployment has served with, the last one first, or of its environment's
    earlier versions: packages keep the versions of that lock, and of no other, as far as the requirements allow.
    `platform` is uv's name of a platform; None means this machine. A package without a wheel is built from source,
    which runs its code, only for this machine and only with a `note` that announces it. Everything else is resolved
    from wheels, in an environment without programs and without the caller's variables.

    `built_wheels` is a folder for wheels that the caller builds for this deployment, and others like it. A lock with
    one of them is for whoever names this folder, and for nobody else.

    Raises:
        NotBuiltError: a package without a wheel is needed, and `built_wheels` is given.
        UserError: RequirementsUnresolvable, with uv's own words; WheelMissing, PackageIndexUnreachable,
            PackageIndexRefused, PackageSourcesInvalid, EnvironmentInvalid, StateDamaged.
    """
    wanted = asked.read(spec)
    question = _Question(spec, wanted, platform, None if platform else note, built_wheels)
    past = previous_locks.own(locks, spec.python, _target(platform), own, _digest)
    path = _recorded(locks, spec, platform, past, built_wheels)
    if path is None:
        before = await _before(question, past[0], locks) if past else None
        text = await _compile(question, before)
        whose = built_wheels if built_wheels and own_wheels.names_one_of(text, built_wheels) else None
        path = _place(locks, spec, platform, past[0].digest if past else "", whose)
        (_replace if whose and path.exists() else _keep)(path, spec, platform, text)
        _tell_what_stayed(before, kept(path), note)
    lock = kept(path, wanted)
    if changed := await _changed(question, lock.text, locks):
        if note:
            note(f"{', '.join(changed.values())}: the content differs from the lock; locking again")
        text = await _compile(question, Relative((), _versions_only(lock.text, changed)))
        _replace(path, spec, platform, text)
        lock = kept(path, wanted)
    return replace(lock, built_wheels=built_wheels)


def of_versions(specs: Iterable[EnvironmentSpec], platform: str | None, locks: Path) -> tuple[str, ...]:
    """Digests of the locks of a stored environment's versions, for `resolve()`; `specs` start with the oldest.

    The last spec is the wanted version, whose own earlier lock counts, too.
    """
    own: list[str] = []
    for spec in specs:
        places = [_place(locks, spec, platform, digest) for digest in (*own, "")]
        with contextlib.suppress(UserError):  # a lock that cannot be read does not count
            own[:0] = [previous_locks.first_digest(path, _digest) for path in places if path.exists()][:1]
    return tuple(own)


def known(specs: Sequence[EnvironmentSpec], platform: str | None, locks: Path) -> Lock | None:
    """The lock of the last one of a stored environment's versions, if it was resolved before.

    Raises:
        UserError: StateDamaged.
    """
    *earlier, spec = specs
    places = [_place(locks, spec, platform, digest) for digest in (*of_versions(earlier, platform, locks), "")]
    return next((kept(path) for path in places if path.exists()), None)


def _digest(path: Path) -> str:
    return kept(path).digest


def _recorded(
    locks: Path, spec: EnvironmentSpec, platform: str | None, past: list[Made], built_wheels: Path | None
) -> Path | None:
    """The file of the lock, if these requirements were resolved before, for the same past or without one."""
    whose = [None, built_wheels] if built_wheels else [None]
    befores = [made.digest for made in past] or [""]
    places = [made.path for made in past if made.requirements == spec.requirements]
    places += [_place(locks, spec, platform, before, folder) for before in befores for folder in whose]
    return next((path for path in places if path.exists() and _has_wheels(path, built_wheels)), None)


def _has_wheels(path: Path, built_wheels: Path | None) -> bool:
    """Whether the folder, if the lock was resolved with its wheels, is still there."""
    named = built_wheels and path.stem.endswith(f"-{built_wheels.name}")
    return any(built_wheels.glob("*.whl")) if built_wheels and named else True


def _place(
    locks: Path, spec: EnvironmentSpec, platform: str | None, before: str, built_wheels: Path | None = None
) -> Path:
    folder = f"-{built_wheels.name}" if built_wheels else ""
    return locks / f"{key(spec, platform, before).removeprefix('sha256:')}{folder}.txt"


async def _before(question: _Question, made: Made, locks: Path) -> Relative | None:
    """The lock that is to stay; of a wheel whose file has changed, only the version stays."""
    try:
        text = kept(made.path).text
    except UserError:
        return None  # as if it did not exist
    changed = await _changed(question, text, locks)
    return Relative((), _versions_only(text, changed)) if changed else Relative(made.requirements, text)


async def _changed(question: _Question, text: str, locks: Path) -> dict[str, str]:
    """The locked packages whose file in a wheel folder has changed, except where the user demands a hash."""
    arguments = (question.spec.python, wheels.platforms(_ARCHITECTURES.get(question.platform or "")), locks / _WHEELS)
    changed = await asyncio.to_thread(own_wheels.changed, text, *arguments)
    demanded = _demanded(question.wanted)
    return {name: wheel for name, wheel in changed.items() if name not in demanded}


def _versions_only(text: str, names: Collection[str]) -> str:
    """The lock without the hashes of these packages, whose versions are to stay."""
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
    """The lock in a file of ours, checked to have all wanted packages.

    Raises:
        UserError: StateDamaged.
    """
    do = "remove it to resolve the requirements again"

    def parse(content: bytes) -> Lock:
        lock = read(decoded(content), "its text")
        names = {hashes.name(block) for block in hashes.packages(lock.text)}
        for package in wanted:
            if package.name not in names and ";" not in package.text:  # a marker may leave it out
                raise ValueError(f"it lacks {package.name}")
        return lock

    stored = state_file.load(path, parse, do)
    if stored is None:
        raise state_file.damaged(path, "it has gone", do)
    return stored


def key(spec: EnvironmentSpec, platform: str | None, before: str = "") -> str:
    """Digest of everything that a lock is resolved from; `before` is the digest of the lock whose versions stay."""
    inputs = [spec.python, _target(platform), list(spec.requirements)]
    return digests.of_json([*inputs, before] if before else inputs)


def _target(platform: str | None) -> str:
    return platform or f"{sys.platform}-{os.uname().machine}"


def keep(spec: EnvironmentSpec, lock: Lock, locks: Path) -> None:
    """Make this lock the result of `resolve()` on this machine, unless these requirements are resolved already."""
    _keep(_place(locks, spec, None, ""), spec, None, lock.text)


def _keep(path: Path, spec: EnvironmentSpec, platform: str | None, text: str) -> None:
    with contextlib.suppress(FileExistsError):  # another process was first, and its lock is in use
        files.create(path, text.encode())
        _remember(path, spec, platform)


def _replace(path: Path, spec: EnvironmentSpec, platform: str | None, text: str) -> None:
    """Replace a lock by another one, which whoever has served with the old one finds as its own."""
    _remember(path, spec, platform)
    files.write(path, text.encode())
    _remember(path, spec, platform)


def _remember(path: Path, spec: EnvironmentSpec, platform: str | None) -> None:
    previous_locks.remember(path, spec.python, _target(platform), spec.requirements, _digest(path))


async def _compile(question: _Question, before: Relative | None = None) -> str:
    if not question.wanted:
        return ""
    wrong = misnamed.faults([wanted.name for wanted in question.wanted], _FIELD)
    if wrong and not sources.read().names_packages:  # an index of the user's own may have them
        raise UserError(reasons.REQUIREMENTS_UNRESOLVABLE, "; ".join(wrong))
    if before and before.requirements and (text := await _added(question, before)):
        return text
    # uv prefers the versions that it finds in its output file
    kept = before.lock if before else ""
    (code, text, err), missing = await building.wheels_first(
        lambda built: _run(question, question.wanted, kept, built=built), question.note
    )
    if wrong and (missing or code != 0):
        raise UserError(reasons.REQUIREMENTS_UNRESOLVABLE, "; ".join(wrong))
    if missing and missing.has_address:
        raise _by_address(missing.name)
    if missing:
        has_hash = canonicalize_name(missing.name) in _demanded(question.wanted)
        last = no_wheel.LEAVE_OUT_HASH if question.built_wheels and has_hash else no_wheel.SERVE_ELSEWHERE
        others = [] if question.built_wheels else await _pythons(question, missing)
        error = no_wheel.error(_FIELD, missing, question.spec.python, in_words(question.platform), others, last)
        if question.built_wheels and not has_hash:
            raise NotBuiltError(_of_source(question.wanted, missing), error)
        raise error
    addresses = {wanted.url for wanted in question.wanted if wanted.url}
    if code != 0:
        raise _by_address("") if addresses and re.search(r"file:/|git\+|Git ", err) else _failure(err)
    for block in hashes.packages(text):
        if (match := re.match(r"\S+ @ (\S+)", block)) and match[1] not in addresses:
            raise _by_address(hashes.name(block))
    return hashes.restrict(text, _demanded(question.wanted))


async def _added(question: _Question, before: Relative) -> str | None:
    """The previous lock with the added requirements, for which alone the index is asked.

    None if more has changed, or an added requirement needs another version of something in the lock.
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
    code, text, _ = await _run(question, new, pins=pins) if new else (0, "", "")
    if code != 0:
        return None
    demanded = _demanded(new)
    added = {hashes.name(block): block for block in hashes.packages(hashes.restrict(text, demanded))}
    merged = {**added, **had, **{name: added[name] for name in demanded if name in added}}
    return "".join(merged[name].rstrip("\n") + "\n" for name in sorted(merged))


async def _run(
    question: _Question,
    requirements: Sequence[CheckedRequirement],
    kept: str = "",
    pins: str = "",
    built: tuple[str, ...] = (),
    options: Sequence[str] = (),
) -> tuple[int, str, str]:
    """Resolve the requirements; return uv's exit code, the lock, and its error output.

    Only the packages in `built` are built from source; for them uv can use the machine's programs.
    """
    plain = "".join(f"{wanted.text}\n" for wanted in requirements)
    with tempfile.TemporaryDirectory() as folder:
        out = _written(Path(folder, "lock.txt"), kept)
        arguments = ["pip", "compile", "-", "--output-file", str(out), *question.options, *options]
        arguments += [
            "--generate-hashes",
            "--no-header",
            "--no-annotate",
            "--no-progress",
            "--no-emit-index-url",
            "--no-emit-find-links",
        ]
        arguments += ["--constraints", str(_written(Path(folder, "pins.txt"), pins))] if pins else []
        arguments += [*building.options(built), *([] if built else ["--python", sys.executable])]
        code, _, err = await run_uv(arguments, plain, programs=bool(built), wheels=question.built_wheels)
        return code, _text(out), err


async def _pythons(question: _Question, missing: NoWheel) -> list[str]:
    """The other versions of Python for which the package has a wheel on the platform."""
    if not missing.version:
        return []
    pinned = (requirement.read(f"{missing.name}=={missing.version}", _FIELD),)
    others = [version for version in pythons() if version != question.spec.python]
    questions = [replace(question, spec=replace(question.spec, python=version)) for version in others]
    answers = await asyncio.gather(*(_run(variant, pinned, options=["--no-deps"]) for variant in questions))
    return [version for version, (code, _, _) in zip(others, answers, strict=True) if code == 0]


def _of_source(wanted: Iterable[CheckedRequirement], missing: NoWheel) -> str:
    """The requirement for the package without a wheel: as it is asked for, else of the version that is missing."""
    name = canonicalize_name(missing.name)
    asked_for = next((Requirement(own.text).specifier for own in wanted if own.name == name), None)
    specifier = asked_for or (f"=={missing.version}" if missing.version else "")
    return f"{name}{specifier}"


def in_words(platform: str | None) -> str:
    """Docker's name of a platform that uv names."""
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
    """The error for a wheel that asks for a package on this machine or in a repository, which only the user may do."""
    return UserError(
        reasons.REQUIREMENTS_UNRESOLVABLE,
        f"{_FIELD}: a wheel that is named by its address needs {name or 'a package'} from an address, too: name that "
        "one yourself, or put its wheel into a folder that packages.toml names (find-links)",
    )


def _failure(err: str) -> UserError:
    return failure(reasons.REQUIREMENTS_UNRESOLVABLE, _FIELD, re.sub(r"[^\x00-\x7f]+", " ", err + own_wheels.hint(err)))
