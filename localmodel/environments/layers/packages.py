"""A layer for each package of a lock: the files of its wheel below the environment's folder, and what is compiled."""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from localmodel import reasons
from localmodel.environments.layers import bytecode, records
from localmodel.environments.locks.lock import PLATFORMS, Lock
from localmodel.environments.locks.uv import run_uv
from localmodel.environments.venvs import installer, reuse
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layers import Entry
from localmodel.oci.layout import Blob, Layout
from localmodel.requirements import hashes

Say = Callable[[str], None]

PLACE = "/opt/env"
# The installer's note of when a wheel in a folder was last changed, which would make equal layers differ.
_NOTE = "uv_cache.json"
EMPTY = 1024  # bytes of a tar without files
# What the installer says of every package.
_ROUTINE = re.compile(r"(Using Python|Resolved|Prepared|Installed) | \+ ")
_AT_ONCE = max(2, os.cpu_count() or 1)


@dataclass(frozen=True)
class Kind:
    """The Python (major.minor) and the processor, in Docker's words, that layers are for."""

    python: str
    architecture: str


async def of_lock(lock: Lock, kind: Kind, layout: Layout, say: Say) -> dict[str, Blob]:
    """The layers by package, in the lock's order. A layer that the layout has is not made again.

    Raises:
        UserError: the errors of `installer.install()`; EnvironmentBuildFailed.
    """
    texts: dict[str, str] = {}
    for block in hashes.packages(lock.text):  # a package may have one for each platform
        texts[hashes.name(block)] = texts.get(hashes.name(block), "") + block
    blobs = {name: _find(layout, kind, text, True) for name, text in texts.items()}
    if missing := [name for name, blob in blobs.items() if blob is None]:
        interpreter = await bytecode.interpreter(kind.python, say)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def make(name: str) -> Blob:
            async with turns:
                return await _layer(texts[name], kind, interpreter, layout, say, lock.built_wheels)

        blobs |= dict(zip(missing, await asyncio.gather(*map(make, missing)), strict=True))
    return {name: blob for name, blob in blobs.items() if blob and blob.size > EMPTY}


def _find(layout: Layout, kind: Kind, text: str, compiled: bool) -> Blob | None:
    return records.find(layout, PLACE, kind.python, kind.architecture, text, compiled)


async def _layer(text: str, kind: Kind, interpreter: str | None, layout: Layout, say: Say, wheels: Path | None) -> Blob:
    if interpreter is None and (blob := _find(layout, kind, text, False)):
        return blob
    async with installed(text, kind, say, wheels) as tree:
        entries = await entries_of(tree, PLACE, interpreter)
        blob = await asyncio.to_thread(layout.write, layers.tar(entries))
    records.keep_names(layout, blob, (entry.path for entry in entries))
    records.keep(layout, blob, PLACE, kind.python, kind.architecture, text, interpreter is not None)
    say(f"{text.split()[0]}: a layer of {blob.size / 1e6:.1f} MB")
    return blob


@asynccontextmanager
async def installed(text: str, kind: Kind, say: Say, wheels: Path | None = None) -> AsyncIterator[Path]:
    """A temporary folder with the packages of a lock's text, in an environment of any Python of this machine.

    Packages also come from the folder `wheels`.
    """

    def listen(line: str) -> None:
        if not _ROUTINE.match(line):
            say(line)

    with tempfile.TemporaryDirectory(prefix="localmodel-") as folder:
        tree = Path(folder, "environment")
        arguments = ["venv", "--quiet", "--relocatable", "--no-project", "--python", sys.executable, str(tree)]
        code, _, err = await run_uv(arguments)
        if code != 0:
            raise UserError(reasons.PYTHON_MISSING, f"{sys.executable} cannot make a virtual environment: {err}")
        platform = PLATFORMS[kind.architecture]
        await installer.install(tree, text, kind.python, listen, platform=platform, wheels=wheels)
        site = reuse.site_packages(tree)
        site.parent.rename(site.parent.with_name(f"python{kind.python}"))
        yield tree


async def entries_of(tree: Path, place: str, interpreter: str | None) -> list[Entry]:
    """The files of the packages in a folder, which is `place` in the image, and what the interpreter compiles of them.

    Raises:
        UserError: RequirementsNotInstallable, if a package's list of files is not that of its files.
    """
    site = reuse.site_packages(tree).relative_to(tree)
    files: list[str] = []
    replaced: dict[str, bytes] = {}
    for info in (tree / site).glob("*.dist-info"):
        listed = reuse.files(str(tree), str(site), info)
        if not listed:
            raise UserError(
                reasons.REQUIREMENTS_NOT_INSTALLABLE,
                f"spec.environment.requirements: {info.name.removesuffix('.dist-info')}: its list of files (RECORD) "
                "names files that it does not have, or that lie outside of the environment",
            )
        # what the wheel's maker has compiled may be of other sources
        files += [file for file in listed if "/__pycache__/" not in file and not file.endswith(f"/{_NOTE}")]
        replaced[f"{site}/{info.name}/RECORD"] = _record(info / "RECORD")
    made = await bytecode.compiled(interpreter, tree, files, place) if interpreter else []
    return [
        Entry(f"{place}/{file}".lstrip("/"), replaced.get(file, tree / file)) for file in dict.fromkeys([*files, *made])
    ]


def _record(path: Path) -> bytes:
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(sorted(line for line in lines if _NOTE.encode() not in line))
