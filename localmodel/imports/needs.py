"""Reads which distributions a script and its models need, without running them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localmodel.imports import standard
from localmodel_untrusted import distributions
from localmodel_untrusted.script_imports import Import

_LOADERS = {"cloudpickle", "dill", "joblib", "pickle"}


@dataclass(frozen=True)
class Pickled:
    """A model with the result of `localmodel.pickles.examine()`. `who` is its name in messages: `model digits:3`."""

    who: str
    pickles: Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """A distribution that a script or a model imports.

    Attributes:
        distribution: its name, or "" if none is known to have the module.
        module: the imported module.
        place: file and line, or the model.
        version: the version that wrote the model, if the model says so.
        is_model: whether a model needs it.
        needed: whether the script cannot load without it.
    """

    distribution: str
    module: str
    place: str
    version: str = ""
    is_model: bool = False
    needed: bool = True


def of_script(imports: Iterable[Import]) -> list[Need]:
    """The needs of a script with these imports, without what Python and the server bring."""
    return [need for item in imports if not standard.is_brought(item.module) for need in _of_import(item)]


def _of_import(item: Import) -> list[Need]:
    wanted = distributions.of_import(item.module, item.names)
    return [Need(name, module, f"{item.file}:{item.line}", needed=item.needed) for name, module in wanted]


def of_models(models: Sequence[Pickled], imports: Iterable[Import], files: Mapping[str, bytes]) -> list[Need]:
    """The known distributions that the models' pickles need; certainly only those of the one pickle that is loaded."""
    pickled = [name for model in models for name in model.pickles.get("files", {})]
    certain = len(pickled) == 1 and _loads(imports, files)
    return [need for model in models for need in _of_model(model, certain)]


def _of_model(model: Pickled, certain: bool) -> list[Need]:
    versions = model.pickles.get("versions", {})
    modules: Sequence[str] = model.pickles.get("modules", ())
    by_name = {distributions.of_module(module): module for module in reversed(modules)}
    return [
        Need(name, by_name[name], model.who, versions.get(name, ""), True, certain) for name in sorted(by_name) if name
    ]


def _loads(imports: Iterable[Import], files: Mapping[str, bytes]) -> bool:
    """Whether the script imports a library that loads pickles, and loads something."""
    loaders = [item for item in imports if item.module in _LOADERS and item.needed]
    return any(b"load" in files[item.file] for item in loaders)
