"""Compares models with the environment that they are to be loaded in."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from localmodel_untrusted import distributions

_LOCKED = re.compile(r"([A-Za-z0-9][\w.-]*)==([^\s;\\]+)")
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")
_FIELD = "spec.environment.requirements"


class Examined(Protocol):
    """A model with the result of `localmodel.pickles.examine()`."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def pickles(self) -> Mapping[str, Any]: ...


def mismatches(models: Iterable[Examined], requirements: Sequence[str], lock_text: str) -> list[str]:
    """Sentences on models that were saved by other versions than the lock has; each names the line to change.

    `lock_text` is in pip's requirements format. What the lock lacks, `localmodel.imports` says.
    """
    locked = {distributions.normalized(name): version for name, version in _LOCKED.findall(lock_text)}
    sentences: dict[str, None] = {}
    for model in models:
        who = f"model {model.name}:{model.version}"
        versions = model.pickles.get("versions", {})
        for name, saved in versions.items():
            if (has := locked.get(name)) and not _fits(name, saved, has, model.pickles.get("modules", ())):
                place, line = _place(name, requirements)
                wanted = exactly(name, saved)
                what = f"{line!r} brings {has}" if line else f"the lock has {name} {has}"
                change = f"write {wanted}" if line else f"add {wanted}"
                sentences[f"{place}: {what}, and {who} was saved with {name} {saved}; {change}"] = None
    return list(sentences)


def _fits(name: str, saved: str, has: str, modules: Sequence[str]) -> bool:
    if name == "numpy":
        # Version 2 reads what version 1 wrote. 1.26 reads what version 2 wrote, except for random number generators.
        enough = (2,) if "numpy.random._pickle" in modules else (1, 26)
        return saved != ">=2" or _numbers(has) >= enough
    return _numbers(saved)[:2] == _numbers(has)[:2]


def exactly(name: str, saved: str) -> str:
    """The requirement for the version that a model was saved with."""
    return f"{name}{saved}" if saved.startswith((">", "<")) else f"{name}=={saved}" if saved else name


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _place(name: str, requirements: Sequence[str]) -> tuple[str, str]:
    """The field and the text of the requirement for this distribution, or the list's field and ""."""
    for index, requirement in enumerate(requirements):
        match = _NAME.match(requirement)
        if match and distributions.normalized(match[1]) == name:
            return f"{_FIELD}[{index}]", requirement
    return _FIELD, ""
