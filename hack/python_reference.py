#!/usr/bin/env python3
"""Prints docs/reference/python.md: what `localmodel` exports, from signatures and docstrings."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any

import localmodel

PAGE = """\
# The Python library

Made from the docstrings in `localmodel/` by `hack/docs`; edit those.

```python
import localmodel
```

Public is what this page lists, and [`localmodel.azure`](../azure-compatibility.md), which mirrors Azure ML's SDK. Every
other module, and every name that begins with an underscore, may change in any release. The package is typed.

{index}
{sections}"""

# Programs get these from other calls, and do not create them.
MADE_BY_CALLS = {"AsyncDeployment", "Deployment", "Environments", "Models"}
_LINE = 100


def render() -> str:
    """The page."""
    index = [f"| [`{name}`](#{name.lower()}) | {_cell(_summary(name))} |" for name in localmodel.__all__]
    return PAGE.format(
        index="\n".join(["| name | what it is |", "|---|---|", *index, ""]),
        sections="\n".join(line for name in localmodel.__all__ for line in _section(name)),
    )


def _summary(name: str) -> str:
    value = getattr(localmodel, name)
    if not inspect.isclass(value):
        return "What `Deployment.state` can be."
    return re.split(r"(?<=[.:])\s", _doc(value), maxsplit=1)[0].rstrip(".:") + "."


def _section(name: str) -> Iterator[str]:
    value = getattr(localmodel, name)
    yield f"## {name}"
    if not inspect.isclass(value):
        yield _code(f"{name} = {_type(value, named=False)}")
    elif typing.is_typeddict(value) or dataclasses.is_dataclass(value):
        yield _code(f"class {name}{'(TypedDict, total=False)' if typing.is_typeddict(value) else ''}")
        words, _, attributes = _doc(value).partition("Attributes:\n")
        yield from _text(words)
        yield _fields(value, _items(attributes))
        yield from _members(name, value)
    else:
        base = "" if value.__base__ is object else f"({value.__base__.__name__})"
        shows_arguments = not base and name not in MADE_BY_CALLS
        yield _code(_signature(f"class {name}", value.__init__) if shows_arguments else f"class {name}{base}")
        yield from _text(_doc(value))
        yield from _members(name, value)


def _members(owner: str, kind: type) -> Iterator[str]:
    for name, value in vars(kind).items():
        if name.startswith("_"):
            continue
        if isinstance(value, property):
            yield f"### {owner}.{name}"
            yield _code(f"{name}: {_type(typing.get_type_hints(value.fget)['return'])}")
            yield from _text(_doc(value))
        elif inspect.isfunction(value):
            yield f"### {owner}.{name}"
            is_async = inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value)
            yield _code(_signature(f"{'async ' if is_async else ''}def {name}", value))
            plain = getattr(getattr(localmodel, owner.removeprefix("Async"), None), name, None)
            same = plain is not None and plain is not value and plain.__doc__ == value.__doc__
            yield from _text(f"See {owner.removeprefix('Async')}.{name}()." if same else _doc(value))


def _signature(head: str, function: Callable[..., Any]) -> str:
    hints = typing.get_type_hints(function)
    parts = []
    for parameter in [*inspect.signature(function).parameters.values()][1:]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        default = "" if parameter.default is parameter.empty else f" = {_value(parameter.default)}"
        parts.append(f"{parameter.name}: {_type(hints[parameter.name])}{default}")
    result = f" -> {_type(hints['return'])}" if head.startswith(("def", "async")) else ""
    line = f"{head}({', '.join(parts)}){result}"
    return line if len(line) <= _LINE else f"{head}(\n" + "".join(f"    {part},\n" for part in parts) + f"){result}"


def _type(hint: Any, named: bool = True) -> str:
    """The annotation without modules; a named union by its name."""
    text = "None" if hint is type(None) else inspect.formatannotation(hint)
    if named:
        text = text.replace(inspect.formatannotation(localmodel.DeploymentState), "DeploymentState")
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text).replace("'", '"')


def _fields(kind: type, words: list[tuple[str, str]]) -> str:
    hints, what = typing.get_type_hints(kind), dict(words)
    is_dataclass = dataclasses.is_dataclass(kind)
    defaults = {field.name: _default(field) for field in dataclasses.fields(kind)} if is_dataclass else {}
    rows = [
        f"| `{name}` | `{_cell(_type(hint))}` | {default and f'`{default}`'} | {_cell(what[name])} |"
        for name, hint in hints.items()
        if not name.startswith("_")
        for default in [defaults.get(name, "")]
    ]
    return "\n".join(["| field | type | default | what it is |", "|---|---|---|---|", *rows, ""])


def _default(field: "dataclasses.Field[Any]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return _value(field.default_factory())
    return "" if field.default is dataclasses.MISSING else _value(field.default)


def _value(value: object) -> str:
    return repr(value).replace("'", '"')


def _doc(value: Any) -> str:
    return inspect.cleandoc(value.__doc__ or "")


def _text(doc: str) -> Iterator[str]:
    """The docstring as Markdown: paragraphs, examples, and the lists below `Args:`, `Attributes:` and `Raises:`."""
    for block in filter(None, doc.split("\n\n")):
        head, _, rest = block.partition("\n")
        if block.startswith(">>>"):
            yield _code("\n".join(re.sub(r"^(>>>|\.\.\.) ?", "", line) for line in block.splitlines()))
        elif re.fullmatch(r"(Args|Attributes|Raises).*:", head):
            yield f"{head}\n"
            yield "".join(f"- `{name}`: {what}\n" for name, what in _items(rest))
        else:
            yield f"{_escaped(' '.join(block.split()))}\n"


def _items(block: str) -> list[tuple[str, str]]:
    """Name and text of each line `name: text` of the same indentation; deeper lines continue the line above."""
    lines = re.split(r"\n(?=\S)", inspect.cleandoc(block))
    parts = [" ".join(line.split()).partition(": ") for line in lines]
    return [(name, _escaped(what)) for name, _, what in parts]


def _code(text: str) -> str:
    return f"```python\n{text}\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;")


if __name__ == "__main__":
    print(render(), end="")
