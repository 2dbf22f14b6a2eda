"""Advice about an error of user code, where its own text has none and the cause is certain."""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib import util
from importlib.machinery import PathFinder
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Optional

from localmodel_untrusted import distributions, script_imports
from localmodel_worker.script import own_names

_REQUIREMENTS = "to the environment's requirements"
# What extension modules say that were built for another numpy.
_OTHER_NUMPY = (
    "numpy.dtype size changed",
    "numpy.ndarray size changed",
    "numpy.ufunc size changed",
    "module compiled against ABI version",
    "module compiled against API version",
    "compiled using NumPy 1",
    "_ARRAY_API not found",
    "numpy.core.multiarray failed to import",
    "numpy._core.multiarray failed to import",
)
# Of Python's own modules, those that later versions no longer have.
_REMOVED = "asynchat asyncore cgi cgitb crypt imghdr imp nntplib pipes smtpd sndhdr telnetlib uu xdrlib"
# Names that many distributions share, and that none of them has.
_SHARED = ("azure", "azureml", "google")
_IMPORT = re.compile(r"(?:from\s+([\w.]+)\s+)?import\s+([\w.]+)")
_MOST_FILES = 10


def advice(error: BaseException, message: str, code_folder: Path, script: str) -> str:
    """What to add to the message of an error of the script; empty when nothing helpful is known."""
    if isinstance(error, (AttributeError, ImportError)) and (text := own_names.advice(message, code_folder)):
        return text
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _of_module(error.name, _asked_for(error.__traceback__, error.name), code_folder, script)
    if isinstance(error, ImportError) and "relative import with no known parent package" in message:
        return "the script and the modules beside it are in no package: leave the dot out"
    if any(sign in message for sign in _OTHER_NUMPY):
        return _of_numpy()
    if isinstance(error, FileNotFoundError):
        return _of_model(str(error.filename), code_folder)
    return ""


def _asked_for(frame: Optional[TracebackType], name: str) -> str:
    """What the import statement names: more than the part that was not found, where that is a folder of many."""
    line = ""
    while frame is not None:
        line = linecache.getline(frame.tb_frame.f_code.co_filename, frame.tb_lineno) or line
        frame = frame.tb_next
    match = _IMPORT.search(line)
    asked = ".".join(part for part in match.groups() if part) if match else name
    return asked if asked.startswith(f"{name}.") else name


def _of_module(name: str, asked: str, code_folder: Path, script: str) -> str:
    first = name.partition(".")[0]
    if any((code_folder / file).exists() for file in (first, f"{first}.py")):
        return ""
    if first in _REMOVED.split():
        return f"Python {_python()} has it no longer"
    distribution = distributions.of_module(asked)
    if distribution == "azureml-core":
        return f"add azureml-core {_REQUIREMENTS} (azureml-defaults is always left out), or read AZUREML_MODEL_DIR"
    if "." in name and _is_package(first):
        return f"{_installed(first, distribution)} has no such module"
    for place in code_folder.rglob(f"{first}.py"):
        parts = place.relative_to(code_folder).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            return f"it is {'/'.join(parts)}.py in the code folder: import {'.'.join(parts)}"
    if not distribution and ("." in name or first in _SHARED):
        return f"add the package that has it {_REQUIREMENTS}"
    others = [other for other in _absent(code_folder, script) if other != distribution]
    if others:
        return f"add {', '.join([distribution or name, *others])} {_REQUIREMENTS}"
    return f"add {distribution if distribution not in ('', name) else 'it'} {_REQUIREMENTS}"


@lru_cache(maxsize=1)
def _absent(code_folder: Path, script: str) -> tuple[str, ...]:
    """The distributions that the script imports, as far as they are certain, and that are not installed."""
    paths = {path.relative_to(code_folder).as_posix(): path for path in code_folder.rglob("*.py")}
    imports = script_imports.elsewhere(paths, lambda name: paths[name].read_bytes(), script)
    needed = [distributions.of_import(statement.module, statement.names) for statement in imports if statement.needed]
    wanted = {name: module for candidates in needed for name, module in candidates if name}
    return tuple(sorted(name for name, module in wanted.items() if not _is_there(module)))


def _is_there(module: str) -> bool:
    """Whether the module, or the package that has it, can be imported; nothing is."""
    parts = module.split(".")
    try:
        spec = util.find_spec(parts[0])
    except (ImportError, ValueError, AttributeError):
        return True  # made by somebody while it runs
    for length in range(2, len(parts) + 1):
        if spec is None or spec.origin is not None:
            break
        spec = PathFinder.find_spec(".".join(parts[:length]), list(spec.submodule_search_locations or ()))
    return spec is not None


def _is_package(first: str) -> bool:
    """Whether it is there and whole: several distributions can share a namespace."""
    try:
        spec = util.find_spec(first)
    except (ImportError, ValueError, AttributeError):
        return first in sys.modules
    return spec is not None and spec.origin is not None


def _installed(first: str, distribution: str) -> str:
    if first in getattr(sys, "stdlib_module_names", ()):
        return f"Python {_python()}"
    version = _version(distribution or first)
    return f"{distribution or first} {version}" if version else f"the installed {first}"


def _of_numpy() -> str:
    version = _version("numpy")
    if version.startswith(("0.", "1.")):
        return f"a package was built for a later numpy than {version}: write a later one in the requirements"
    return f"a package was built for numpy 1: add numpy<2 {_REQUIREMENTS}, or a later version of the package"


def _of_model(wanted: str, code_folder: Path) -> str:
    """Of a file that is not where the script looks for its model."""
    folder = Path(os.environ.get("AZUREML_MODEL_DIR") or os.devnull)
    there = list(islice(_files(folder), _MOST_FILES + 1))
    if folder not in Path(wanted).parents:
        path = next((file for file in there if Path(file).name == Path(wanted).name), "")
        return f"it is in AZUREML_MODEL_DIR, as {path}" if path else ""
    if there:
        more = ", ..." if len(there) > _MOST_FILES else ""
        return f"AZUREML_MODEL_DIR has {', '.join(there[:_MOST_FILES])}{more}"
    if (code_folder / Path(wanted).name).is_file():
        return f"this deployment has no models; {Path(wanted).name} is in its code: give it as a model"
    return "this deployment has no models"


def _files(folder: Path) -> Iterator[str]:
    for path, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            yield Path(path, name).relative_to(folder).as_posix()


def _version(distribution: str) -> str:
    from importlib import metadata  # slow to import, and few scripts need it

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def _python() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
