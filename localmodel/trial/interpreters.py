"""Which Python a user's script runs with: the shell's, one that is named, or one that is built for it."""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.progress import Progress
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion

_BESIDE = ("kustomization.yaml", "kustomization.yml", "Kustomization", "deployment.yaml", "deployment.yml")


def manifest_beside(folder: Path) -> Path | None:
    """The manifest in a script's folder: the folder itself when it has a kustomization."""
    found = next((folder / name for name in _BESIDE if (folder / name).is_file()), None)
    return folder if found and found.name.lower().startswith("kustomization") else found


def current() -> Path:
    """The interpreter of the shell's active environment, or else of this command."""
    active = os.environ.get("VIRTUAL_ENV")
    python = Path(active, "bin", "python") if active else Path(sys.executable)
    return python if python.exists() else Path(sys.executable)


def named(text: str) -> Path:
    """The interpreter at a path, or of a version on the PATH.

    Raises:
        UserError: PythonMissing.
    """
    found = shutil.which(text) or shutil.which(f"python{text}")
    if found is None:
        raise UserError(
            reasons.PYTHON_MISSING, f"--python {text}: no such interpreter; give a path, or a version on the PATH"
        )
    return Path(found).absolute()


def required(requirements: Path, python: str) -> EnvironmentSpec:
    """The environment of a requirements file.

    Raises:
        UserError: EnvironmentInvalid.
    """
    from localmodel.environments.formats import requirements_txt

    return requirements_txt.read(requirements, python)


def built(environment: EnvironmentVersion | EnvironmentSpec, source: Path | None, progress: Progress) -> Path:
    """The interpreter of the environment, which the file `source` describes (None: a manifest or the store).

    Raises:
        UserError: as environments.local.interpreter().
    """
    from localmodel.environments import here

    with told_of(source):
        return here.interpreter(environment, progress)


@contextlib.contextmanager
def told_of(source: Path | None) -> Iterator[None]:
    """Let errors name the file and the option that the user gave, and not a manifest's fields."""
    from localmodel.environments.formats import files

    try:
        with files.told_of(source):
            yield
    except UserError as error:
        if source is None:
            raise
        raise UserError(error.reason, str(error).replace("spec.environment.python", "--python")) from None
