"""Sentences on imports of a script and its models that their environment lacks, with what to change."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from localmodel.imports import needs
from localmodel.imports.needs import Need, Pickled
from localmodel.pickles.mismatch import exactly
from localmodel.requirements import hashes
from localmodel_untrusted import distributions, script_imports

_BROUGHT = "which no requirement brings; add"
_ADDITIONS = re.compile(rf"{_BROUGHT} ([^;\n]+)")
_AZUREML = "azureml-core"
_AZURE = "azureml-defaults is always left out; instead of azureml-core, the script can read AZUREML_MODEL_DIR"
# Parts of names that do not describe a package.
_COMMON = {"api", "client", "core", "data", "learn", "lib", "python", "sdk", "tools"}
_SHORTEST = 3


@dataclass(frozen=True)
class Missing:
    """What is missing. `error` says why the script cannot load, or is ""; `notes` say what may be missing later."""

    error: str = ""
    notes: tuple[str, ...] = ()


def missing(
    files: Mapping[str, bytes],
    entry: str,
    models: Sequence[Pickled],
    lock_text: str,
    where: str,
    beside: Collection[str],
) -> Missing:
    """Compare the imports with an environment of exactly this lock; `where` is its field.

    Only for well-known modules is it certain which package has them, and that no other one does; the worker reports the
    others. `beside` are files beside the script's that its list left out.
    """
    locked = {hashes.name(block) for block in hashes.packages(lock_text)}
    imports = script_imports.elsewhere(files, lambda path: files[path], entry)
    of_script = needs.of_script(imports)
    wanted = [*of_script, *needs.of_models(models, imports, files)]
    absent = [need for need in wanted if need.distribution and not _may_have(locked, need)]
    stopping = [need for need in absent if need.needed]
    sentences = [_unlisted(need) for need in of_script if need.needed and f"{need.module}.py" in beside]
    if stopping:
        stopping += [need for need in absent if need.is_model and not need.needed]
        sentences.insert(0, _sentence(where, stopping))
    names = {need.distribution for need in stopping}
    later = [need for need in absent if need.distribution not in names]
    notes = [_sentence(where, models) for models in [[need for need in later if need.is_model]] if models]
    return Missing("; ".join(sentences), (*notes, *(_later(where, need) for need in later if not need.is_model)))


def additions(error: str) -> tuple[str, ...]:
    """The requirements to add, from an error of `missing()`."""
    return tuple(line for lines in _ADDITIONS.findall(error) for line in lines.split(", "))


def _may_have(locked: Collection[str], need: Need) -> bool:
    """Whether one of the packages may have the module: its own package, or an unknown one with a similar name."""
    name = need.distribution
    if distributions.is_in(name, locked):
        return True
    words = _words(name) | _words(need.module.partition(".")[0])
    return any(word in package for package in locked if not distributions.is_known(package) for word in words)


def _words(name: str) -> set[str]:
    return {word for word in re.split(r"\W|_", name.lower()) if len(word) >= _SHORTEST} - _COMMON


def _sentence(where: str, absent: list[Need]) -> str:
    """A sentence on everything that is missing, with the lines to add."""
    versions: dict[str, str] = {}
    for need in absent:
        versions[need.distribution] = versions.get(need.distribution) or need.version
    lines = sorted(exactly(name, version) for name, version in versions.items())
    sentence = f"{where}: {_in_words(absent)}, {_BROUGHT} {', '.join(lines)}"
    return f"{sentence}; {_AZURE}" if _AZUREML in versions else sentence


def _in_words(absent: list[Need]) -> str:
    imports = dict.fromkeys(f"{need.place} imports {need.module}" for need in absent if not need.is_model)
    models: dict[str, list[str]] = {}
    for need in absent:
        if need.is_model:
            models.setdefault(need.place, []).append(need.distribution)
    return ", ".join([*imports, *(f"{model} needs {_listed(names)}" for model, names in models.items())])


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _unlisted(need: Need) -> str:
    return (
        f"{need.place} imports {need.module}: {need.module}.py lies beside it but is not in kustomization.yaml's files"
    )


def _later(where: str, need: Need) -> str:
    return (
        f"{where}: {need.place} imports {need.module} where it is not certain to run, and no requirement brings it; "
        f"add {need.distribution} if it does"
    )
