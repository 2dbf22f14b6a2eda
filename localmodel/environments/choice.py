"""Chooses the files of a folder that define a script's environment, in one order."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from localmodel.environments.formats import pyproject, uv_lock
from localmodel.environments.formats.definition import check_python

PYTHON_VERSION = ".python-version"
_CONDA = ("conda.yml", "conda.yaml", "environment.yml", "environment.yaml", "conda_dependencies.yml")
# Files that may define the packages; the first one that does counts.
PACKAGES = ("requirements.txt", uv_lock.NAME, pyproject.NAME, *_CONDA)
# All files that choose() reads.
READ = (*PACKAGES, PYTHON_VERSION)

_VERSION = re.compile(r"(?:cpython[@-]|python-?)?(3\.[0-9]+)(?:\.[0-9]+\S*)?")


@dataclass(frozen=True)
class Choice:
    """The choice: the `file` with the packages, the Python, and the file that names it; "" if there is none.

    `left_aside` are other files that define packages, and do not count.
    """

    file: str = ""
    python: str = ""
    python_source: str = ""
    left_aside: tuple[str, ...] = ()


def choose(files: Mapping[str, str], preferred: str) -> Choice:
    """Choose among a folder's `files` (those in READ that exist, with their texts).

    `preferred` is the Python to use if a pyproject.toml allows several.

    Raises:
        UserError: EnvironmentInvalid, with the file: it is not TOML, or names a Python that is not supported.
    """
    project = pyproject.parse(files[pyproject.NAME]) if pyproject.NAME in files else None
    candidates = [name for name in PACKAGES if name in files]
    if project and not project.says_packages:
        candidates.remove(pyproject.NAME)
    file = candidates[0] if candidates else ""
    # A lock is of the project beside it
    pair = {file, pyproject.NAME} if file == uv_lock.NAME else {file}
    left_aside = tuple(name for name in candidates if name not in pair)
    if version := _pinned(files.get(PYTHON_VERSION, "")):
        return Choice(file, check_python(version, PYTHON_VERSION), PYTHON_VERSION, left_aside)
    if project and (version := project.python(preferred)):
        return Choice(file, version, pyproject.NAME, left_aside)
    return Choice(file, left_aside=left_aside)


def _pinned(text: str) -> str:
    """The version in a .python-version, or "" if it names something else, such as pyenv's `system`."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    version = _VERSION.fullmatch(first)
    return version[1] if version else ""
