"""The Python that runs a user's script: the shell's, a named one, or one in an environment built for it."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.project import place
from localmodel.project.given import own_python
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion
from localmodel_untrusted.files import UnreadableError

_BESIDE = ("kustomization.yaml", "kustomization.yml", "Kustomization", "deployment.yaml", "deployment.yml")


def manifest_beside(folder: Path) -> Path | None:
    """The manifest in a script's folder, the folder itself if it has a kustomization, or None."""
    file = next((folder / name for name in _BESIDE if _is_ours(folder / name)), None)
    return folder if file and file.name.lower().startswith("kustomization") else file


def _is_ours(file: Path) -> bool:
    """Whether it is there, and not Azure ML's file of the same name."""
    if not file.is_file():
        return False
    with contextlib.suppress(UnreadableError):
        return not place.is_azure_file(file)
    return True


def current() -> Path:
    """The interpreter of the shell's active environment, else of this command."""
    active = os.environ.get("VIRTUAL_ENV")
    python = Path(active, "bin", "python") if active else Path(sys.executable)
    return python if python.exists() else Path(sys.executable)


def named(text: str) -> Path:
    """The interpreter at a path, or of a version on PATH.

    Raises:
        UserError: PythonMissing.
    """
    path = shutil.which(text) or shutil.which(f"python{text}")
    if path is None:
        raise UserError(
            reasons.PYTHON_MISSING, f"--python {text}: no such interpreter; give a path, or a version on the PATH"
        )
    return Path(path).absolute()


def required(requirements: Path, python: str | None = None) -> EnvironmentSpec:
    """The environment of a file with packages, and of this Python if one is named.

    Raises:
        UserError: EnvironmentInvalid.
    """
    from localmodel.environments.formats import files

    return files.read_packages(requirements, python, own_python()).spec


def built(environment: EnvironmentVersion | EnvironmentSpec, source: Path | None, progress: Progress) -> Path:
    """The interpreter of the environment, which the file `source` describes (None means a manifest or the store).

    Raises:
        UserError: the errors of `environments.here.interpreter()`.
    """
    from localmodel.environments import here

    with told_of(source):
        return here.interpreter(environment, progress)


@contextlib.contextmanager
def told_of(source: Path | None) -> Iterator[None]:
    """Have errors name the user's file and option instead of a manifest's fields."""
    from localmodel.environments.formats import files

    try:
        with files.told_of(source):
            yield
    except UserError as error:
        if source is None:
            raise
        raise UserError(error.reason, str(error).replace("spec.environment.python", "--python")) from None
