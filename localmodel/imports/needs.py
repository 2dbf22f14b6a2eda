"""Which distributions a script and its models need, read without running either."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localmodel.imports import standard
from localmodel_untrusted import distributions, script_imports
from localmodel_untrusted.script_imports import Import

_LOADERS = {"cloudpickle", "dill", "joblib", "pickle"}


@dataclass(frozen=True)
class Pickled:
    """What localmodel.pickles.examine() found in a model. `who` is the model in words: `model digits:3`."""

    who: str
    pickles: Mapping[str, Any]


@dataclass(frozen=True)
class Need:
    """A distribution that a script or a model imports.

    Attributes:
        distribution: its name; "" where none is known to have the module.
        module: what is imported of it.
        place: file and line, or the model.
        version: which one wrote the model, as far as that says so.
        is_model: whether a model needs it.
        needed: whether the script cannot load without it.
    """

    distribution: str
    module: str
    place: str
    version: str = ""
    is_model: bool = False
    needed: bool = True


def of_script(files: Mapping[str, bytes], entry: str) -> list[Need]:
    """What the entry script and the files that it imports need, but for what Python and the server bring."""
    imports = script_imports.elsewhere(files, lambda path: files[path], entry)
    return [need for found in imports if not standard.is_brought(found.module) for need in _of_import(found)]


def _of_import(found: Import) -> list[Need]:
    wanted = distributions.of_import(found.module, found.names)
    return [Need(name, module, f"{found.file}:{found.line}", needed=found.needed) for name, module in wanted]


def of_models(models: Iterable[Pickled], files: Mapping[str, bytes], entry: str) -> list[Need]:
    """What the models' pickles need of known distributions. Needed are those of the only pickle, if it is loaded."""
    models = list(models)
    pickled = [name for model in models for name in model.pickles.get("files", {})]
    certain = len(pickled) == 1 and _loads(files, entry)
    return [need for model in models for need in _of_model(model, certain)]


def _of_model(model: Pickled, certain: bool) -> list[Need]:
    versions = model.pickles.get("versions", {})
    modules: Sequence[str] = model.pickles.get("modules", ())
    by_name = {distributions.of_module(module): module for module in reversed(modules)}
    return [
        Need(name, by_name[name], model.who, versions.get(name, ""), True, certain) for name in sorted(by_name) if name
    ]


def _loads(files: Mapping[str, bytes], entry: str) -> bool:
    """Whether the script imports what loads pickles, and has it load something."""
    imports = script_imports.elsewhere(files, lambda path: files[path], entry)
    loaders = [each for each in imports if each.module in _LOADERS and each.needed]
    return any(b"load" in files[each.file] for each in loaders)
