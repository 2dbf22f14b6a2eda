"""Modules that come with the environment, not with a revision: those of Python and of installed packages."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Optional

from localmodel_worker.forking.named_imports import named_imports

_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD = f"{Path(os.__file__).parent}{os.sep}"
_OURS = f"{Path(__file__).parent.parent.parent}{os.sep}"  # the worker, and what it shares with the server
_INFO = ("-info", ".pth", ".egg-link")


def loaded_modules(environment: Mapping[str, str], known: Collection[str] = ()) -> dict[str, list[str]]:
    """What this process has imported, for a hello, without what is known.

    `installed` are the modules that every revision finds alike, in the order of import; `imported` is what
    user code, and that is all the rest, names in its import statements.
    """
    folders = (environment.get("AML_APP_ROOT"), environment.get("AZUREML_MODEL_DIR"))
    revision = tuple(f"{Path(folder)}{os.sep}" for folder in folders if folder)
    own = (sys.prefix + os.sep, sys.base_prefix + os.sep)
    modules: list[str] = []
    others: list[str] = []
    for name in [name for name in sys.modules if name not in known]:
        origin = _origin(name)
        if origin is None or origin.startswith(_OURS):
            continue
        if origin in ("built-in", "frozen") or _is_installed(origin, revision, own):
            modules.append(name)
        else:
            others.append(origin)
    return {"installed": modules, "imported": named_imports(file for file in others if file.endswith(".py"))}


def packages_stamp(folders: Iterable[str]) -> list[tuple[str, str, int]]:
    """Changes when a package is installed, removed or replaced in one of the folders."""
    packages = []
    for folder in folders:
        if folder.endswith(("site-packages", "dist-packages")):
            try:
                with os.scandir(folder) as entries:
                    packages += [
                        (folder, entry.name, entry.stat().st_mtime_ns) for entry in entries if _is_info(entry.name)
                    ]
            except OSError:
                continue
    return sorted(packages)


def start_files(modules: Iterable[str], folders: Iterable[str]) -> list[str]:
    """Files that Python runs at its start: sitecustomize and the like, and the `.pth` files."""
    origins = [_origin(name) or "" for name in modules]
    early = [file for file in origins if os.sep in file and not _is_standard(file) and not file.startswith(_OURS)]
    lines = [str(Path(folder, file)) for folder, file, _ in packages_stamp(folders) if file.endswith(".pth")]
    return early + lines


def _is_info(name: str) -> bool:
    return name.endswith(_INFO)


def _is_standard(file: str) -> bool:
    return file.startswith(_STANDARD) and not any(part in file for part in _INSTALLED)


def _is_installed(origin: str, revision: tuple[str, ...], own: tuple[str, ...]) -> bool:
    if origin.startswith(revision) and not origin.startswith(own):
        return False
    return _is_standard(origin) or any(part in origin for part in _INSTALLED)


def _origin(name: str) -> Optional[str]:
    # By hand: some modules import others when they are asked for an attribute.
    members: Any = getattr(sys.modules.get(name), "__dict__", None)
    spec = members.get("__spec__") if isinstance(members, dict) else None
    if spec is None or getattr(spec, "name", None) != name:
        return None
    origin = getattr(spec, "origin", None)
    return origin if isinstance(origin, str) else None
