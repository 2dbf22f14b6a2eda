"""What programs see of the library: every type that its calls take or return has a public name."""

import inspect
import typing
from collections.abc import Iterator
from typing import Any

import pytest

import localmodel

# Programs get them from other calls, and never make one.
MADE_BY_CALLS = {"AsyncDeployment", "Deployment", "Environments", "Models"}
CLASSES = [name for name in localmodel.__all__ if inspect.isclass(getattr(localmodel, name))]


def callables(name: str) -> Iterator[Any]:
    """The class itself, for its fields, and what is public in it."""
    kind = getattr(localmodel, name)
    yield kind
    for word, value in inspect.getmembers_static(kind):
        if word.startswith("_") and (word != "__init__" or name in MADE_BY_CALLS):
            continue
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if inspect.isfunction(function):
            yield function


def parts(hint: Any) -> Iterator[type]:
    """The classes that an annotation is made of."""
    if isinstance(hint, list):  # a callable's arguments
        yield from (part for each in hint for part in parts(each))
    elif typing.get_origin(hint) is not None:
        yield from (part for each in typing.get_args(hint) for part in parts(each))
    elif inspect.isclass(hint):
        yield hint


def hidden(name: str) -> set[str]:
    """The classes of the project that are named and have no public name."""
    public = {getattr(localmodel, other) for other in CLASSES if other in localmodel.__all__}
    hints = [hint for part in callables(name) for hint in typing.get_type_hints(part).values()]
    found = {part for hint in hints for part in parts(hint)}
    return {f"{part.__module__}.{part.__name__}" for part in found - public if part.__module__.startswith("localmodel")}


@pytest.mark.parametrize("name", CLASSES)
def test_every_type_that_a_public_class_names_is_public(name: str) -> None:
    assert hidden(name) == set()


def test_a_type_without_a_public_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localmodel, "__all__", [name for name in localmodel.__all__ if name != "PastRevision"])
    for name in ("Deployment", "AsyncDeployment"):
        assert hidden(name) == {"localmodel.targets.target.PastRevision"}


def test_the_async_classes_can_do_what_the_others_can_with_the_same_arguments() -> None:
    for plain in (localmodel.Client, localmodel.Deployment):
        waiting = getattr(localmodel, f"Async{plain.__name__}")
        for name, value in inspect.getmembers_static(plain):
            if not name.startswith("_"):
                other = inspect.getattr_static(waiting, name)
                if inspect.isfunction(value):
                    assert inspect.signature(other).parameters == inspect.signature(value).parameters, name
