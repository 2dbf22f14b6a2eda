"""Compiles modules for an image, with an interpreter of the image's minor version on this machine."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from localmodel import reasons
from localmodel.environments.locks import uv
from localmodel.environments.venvs import pythons, reuse
from localmodel.errors import UserError

# Nothing that serves imports a package's own tests, which are half of the modules of some packages.
_LEFT_OUT = ("/tests/", "/test/")


async def interpreter(python: str, say: Callable[[str], None]) -> str | None:
    """The path of an interpreter of this version (major.minor), fetched if necessary, or None if there is none."""
    try:
        return await pythons.interpreter(python, say)
    except UserError as error:
        if error.reason != reasons.PYTHON_MISSING:
            raise
        say(f"modules are compiled at each start, because they cannot be compiled here: {error}")
        return None


async def compiled(interpreter_path: str, root: Path, files: Iterable[str], place: str) -> list[str]:
    """Compile the modules among the files of the folder `root`, which is `place` in the image; return what was made.

    A compiled module is never compared with its source again, because layers have no times. A module that cannot be
    compiled (a template, or one for another Python) is left out. One process compiles a package in a fixed order,
    because what is compiled before changes the bytes of what is compiled after.
    """
    modules = sorted(file for file in files if file.endswith(".py") and not any(part in file for part in _LEFT_OUT))
    if not modules:
        return []
    command = [interpreter_path, "-I", "-m", "compileall", "-qq", "-f", "--invalidation-mode", "unchecked-hash"]
    environ = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    code, _, err = await uv.run([*command, "-p", place, "-i", "-"], "\n".join(modules), None, environ, str(root))
    if code not in (0, 1):  # 1 means that some could not be compiled
        raise UserError(reasons.ENVIRONMENT_BUILD_FAILED, f"{interpreter_path} ended with {code}: {err.strip()[-500:]}")
    return list(reuse.compiled(str(root), modules))
