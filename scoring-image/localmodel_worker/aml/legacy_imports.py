"""Let scripts import the names of Azure ML's packages without these packages.

Nothing is imported before a script asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Optional

_OURS = {
    "azureml.contrib.services.aml_request": "localmodel_worker.aml.aml_request",
    "azureml.contrib.services.aml_response": "localmodel_worker.aml.aml_response",
    "azureml_inference_server_http.api.aml_request": "localmodel_worker.aml.aml_request",
    "azureml_inference_server_http.api.aml_response": "localmodel_worker.aml.aml_response",
    "azureml_inference_server_http.log_config": "localmodel_worker.script_log.legacy_log_config",
}
_PARENTS = {name.rsplit(".", depth)[0] for name in _OURS for depth in range(1, name.count(".") + 1)}


def install() -> None:
    """Make the names importable; a second call changes nothing."""
    if not any(isinstance(finder, _OurModules) for finder in sys.meta_path):
        # Ours win over real modules of these names, which need Flask. Real parents win over empty ones, so that
        # what else they hold stays importable.
        sys.meta_path.insert(0, _OurModules())
        sys.meta_path.append(_MissingParents())


# importlib.abc has base classes for these, and takes milliseconds to import.
class _OurModules:
    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        real = _OURS.get(fullname)
        return None if real is None else ModuleSpec(fullname, _CopyOf(real))  # type: ignore[arg-type]


class _MissingParents:
    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        return ModuleSpec(fullname, None, is_package=True) if fullname in _PARENTS else None


class _CopyOf:
    """Loads a module with the public names of another.

    Not the other one itself: the import system writes the name it was asked for into what a loader returns.
    """

    def __init__(self, real: str) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return None

    def exec_module(self, module: ModuleType) -> None:
        real = import_module(self._real)
        module.__doc__ = real.__doc__
        for name in real.__all__:
            setattr(module, name, getattr(real, name))
