"""Installs packages of a lock with uv, for this machine or for the platform of an image."""

from collections.abc import Callable
from pathlib import Path

from localmodel import reasons
from localmodel.environments.locks import building, no_wheel
from localmodel.environments.locks.lock import Note, in_words
from localmodel.environments.locks.uv import failure, run_uv
from localmodel.requirements import sources

_FIELD = "spec.environment.requirements"


async def install(
    place: Path,
    lock: str,
    python: str,
    say: Callable[[str], None],
    note: Note | None = None,
    platform: str | None = None,
    wheels: Path | None = None,
) -> None:
    """Install the packages of a lock's text, with checked hashes, into the virtual environment `place`.

    `platform` is uv's name of the platform; None means this machine. Packages also come from the folder `wheels`. One
    without a wheel is built from source, which runs its code, only with a `note` that announces it.

    Raises:
        UserError: RequirementsNotInstallable, WheelMissing, PackageIndexUnreachable, PackageIndexRefused,
            PackageSourcesInvalid.
    """
    requirements = place.parent / "lock.txt"
    requirements.write_text(lock)
    arguments = ["pip", "install", "--no-deps", "--require-hashes", "--no-progress"]
    arguments += ["--python", str(place / "bin" / "python"), "--requirements", str(requirements)]
    arguments += ["--python-version", python, "--python-platform", platform] if platform else []
    # The locked file counts, even if another index is the first one with the package by now.
    arguments += ["--index-strategy", "unsafe-best-match"] if sources.read().prefers_folders else []
    (code, _, err), without = await building.wheels_first(
        lambda built: run_uv([*arguments, *building.options(built)], listen=say, programs=bool(built), wheels=wheels),
        note,
    )
    if without:
        raise no_wheel.error(_FIELD, without, python, in_words(platform), [])
    if code != 0:
        raise failure(reasons.REQUIREMENTS_NOT_INSTALLABLE, _FIELD, err)
