"""An entry script made of a Python function: its source, and the imports that it uses."""

import ast
import builtins
import dis
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from localmodel import reasons
from localmodel.errors import UserError

ENTRY = "score.py"
_SCRIPT = '''\
"""Made of the function {name}: a request is a JSON object with its arguments."""

from __future__ import annotations

import inspect
import json

from azureml.contrib.services.aml_response import AMLResponse
{imports}

{source}

_function = {name}


def init():
    pass


def run(raw_data):
    try:
        arguments = inspect.signature(_function).bind(**json.loads(raw_data))
    except (TypeError, ValueError) as error:
        return AMLResponse("send a JSON object with the arguments of {name}: " + str(error), 400)
    return _function(*arguments.args, **arguments.kwargs)
'''


@dataclass(frozen=True)
class FunctionScript:
    """The script's text, and the modules that it imports."""

    text: str
    modules: frozenset[str]


def of(function: Callable[..., Any]) -> FunctionScript:
    """The script whose run() calls the function with the members of the request.

    Raises:
        UserError: EntryScriptInvalid: it is not a plain function, or it uses what a script would not have.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if not isinstance(function, FunctionType) or name == "<lambda>":
        raise _refused(name, "is not a function that is defined with def: write one that calls it")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise _refused(name, "is asynchronous or a generator: write one that returns its answer")
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    if kinds & {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL}:
        raise _refused(name, "has parameters without names: a request names each of its arguments")
    source, definition = _source(name, function)
    if definition.decorator_list or hasattr(function, "__wrapped__"):
        raise _refused(name, "is decorated: deploy one without decorators, or write a script with init() and run()")
    if around := function.__code__.co_freevars:
        raise _refused(name, f"uses {', '.join(around)} of the function around it, {_INSTEAD}")
    imports = [*_imports(name, function, {*_globals(function.__code__), *_names_of_defaults(definition)})]
    modules = {module for module, _ in imports} | {*_imported(definition)}
    lines = "".join(f"{line}\n" for _, line in sorted(imports))
    return FunctionScript(_SCRIPT.format(name=name, imports=lines, source=source), frozenset(modules))


_INSTEAD = "which the script would not have: make it an argument, or write a script with init() and run()"


def _refused(name: str, why: str) -> UserError:
    return UserError(reasons.ENTRY_SCRIPT_INVALID, f"the function {name} {why}")


def _source(name: str, function: FunctionType) -> tuple[str, ast.FunctionDef]:
    try:
        text = textwrap.dedent(inspect.getsource(function))
        (definition,) = ast.parse(text).body
    except (OSError, TypeError, SyntaxError, ValueError):
        definition = None
    if not isinstance(definition, ast.FunctionDef):
        raise _refused(name, "has no source that can be read: define it in a file or in a notebook's cell")
    return text, definition


def _globals(code: CodeType) -> Iterator[str]:
    """Names that the function, and what is defined in it, take from its module."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
            yield str(instruction.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals(inner)


def _names_of_defaults(definition: ast.FunctionDef) -> Iterator[str]:
    arguments = definition.args
    for default in (*arguments.defaults, *arguments.kw_defaults):
        for node in ast.walk(default) if default else ():
            if isinstance(node, ast.Name):
                yield node.id


def _imported(definition: ast.FunctionDef) -> Iterator[str]:
    """Modules that are imported inside."""
    for node in ast.walk(definition):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _imports(name: str, function: FunctionType, used: set[str]) -> Iterator[tuple[str, str]]:
    """For each global name the module that it comes from, and the line that imports it."""
    lost = []
    for used_name in sorted(used - {name}):
        value = function.__globals__.get(used_name, None)
        if used_name not in function.__globals__ and hasattr(builtins, used_name):
            continue
        if isinstance(value, ModuleType):
            yield (
                value.__name__,
                f"import {value.__name__}" + ("" if value.__name__ == used_name else f" as {used_name}"),
            )
        elif (module := _home(value, function)) is not None:
            own = str(getattr(value, "__name__", used_name))
            yield module, f"from {module} import {own}" + ("" if own == used_name else f" as {used_name}")
        else:
            lost.append(used_name)
    if lost:
        raise _refused(name, f"uses {', '.join(lost)} of its module, {_INSTEAD}")


def _home(value: object, function: FunctionType) -> str | None:
    """The other module where a class or function can be imported from by its own name."""
    module, own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(own, str) or module in ("__main__", function.__module__):
        return None
    return module if getattr(sys.modules.get(module), own, None) is value else None
