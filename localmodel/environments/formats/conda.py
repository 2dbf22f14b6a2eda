"""Reads and writes conda's environment files. Packages come from the Python package index, without conda."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from localmodel.environments.formats import conda_match, conda_names, requirements_txt
from localmodel.environments.formats.definition import DEFAULT_PYTHON, Definition, python, text_of
from localmodel.requirements.faults import Faults, invalid
from localmodel.requirements.requirement import checked, names_source
from localmodel.requirements.sources import path as sources_file
from localmodel.requirements.sources import scrub
from localmodel.resource.spec import EnvironmentSpec

# Tools for installing, which environments do not need
_LEFT_OUT = ("pip", "conda", "anaconda")
_KNOWN = ("name", "channels", "dependencies", "prefix", "variables")


def read(source: Path | str) -> EnvironmentSpec:
    """The environment of a conda file, which is given as its path or its text.

    Raises:
        UserError: EnvironmentInvalid, with file and line.
    """
    return define(source).spec


def define(source: Path | str, folder: Path | None = None, options_left_out: bool = False) -> Definition:
    """Like `read()`, with the environment's name and variables, and notes on what was not taken literally.

    Files that it names are below `folder`, by default beside it. With `options_left_out`, pip's options for package
    sources, which Azure ML's SDK writes into every file, are noted instead of being an error.
    """
    text, name, beside = text_of(source, "conda file")
    root = _compose(text, name)
    notes = [f"{name}:{_line(key)}: {key.value}: ignored" for key, _ in root.value if key.value not in _KNOWN]
    entries = {key.value: (key, value) for key, value in root.value}
    if "dependencies" not in entries:
        raise invalid(name, "dependencies: is missing; it is the list of packages")
    wanted, faults = "", Faults()
    requirements, brought, built = list[tuple[str, str]](), list[str](), list[str]()
    for node in _list(entries["dependencies"][1], name, "dependencies"):
        where = f"{name}:{_line(node)}"
        with faults.collected():
            if isinstance(node, yaml.MappingNode):
                located = _pip(node, name, faults)
                if options_left_out:
                    located = list(_without_sources(located, notes))
                requirements += requirements_txt.expand(located, folder or beside, faults)
                continue
            if not isinstance(node, yaml.ScalarNode):
                raise invalid(where, "dependencies: expected a text, or `pip:` with a list")
            name_there = conda_match.name(str(node.value), where)
            if name_there in _LEFT_OUT:
                continue
            if conda_names.is_brought(name_there):
                brought.append(name_there)
                continue
            on_index = _on_index(name_there, where)
            match = conda_match.parse(str(node.value), where)
            if name_there == "python":
                wanted = python(where, match.specifiers, str(node.value)) if match.specifiers else ""
            else:
                requirement = checked(on_index + match.specifiers, where)
                if requirement not in (asked for _, asked in requirements):  # numpy and numpy-base are one there
                    requirements.append((where, requirement))
                if on_index != match.name.lower():
                    notes.append(f"{where}: {match.name} is {on_index} on the Python package index")
                built += [match.name] if match.build else []
    faults.tell()
    if built:
        notes.append(f"{name}: {', '.join(built)}: the build string is left out; pip has none")
    if brought:
        notes.append(f"{name}: {', '.join(brought)}: left out; Python and the wheels of packages bring what they need")
    spec = EnvironmentSpec(wanted or DEFAULT_PYTHON, tuple(requirement for _, requirement in requirements))
    places = {requirement: where for where, requirement in requirements}
    return Definition(spec, _scalar(entries, "name"), _variables(entries, name), tuple(notes), places, bool(wanted))


def write(spec: EnvironmentSpec, name: str = "") -> str:
    """The text of a conda file from which `read()` makes the same environment, except for its image."""
    pip = list(spec.requirements)
    content: dict[str, Any] = {"name": name} if name else {}
    content["channels"] = ["conda-forge"]
    content["dependencies"] = [f"python={spec.python}", "pip", *([{"pip": pip}] if pip else [])]
    return yaml.safe_dump(content, sort_keys=False, width=1000, allow_unicode=True)


def _compose(text: str, name: str) -> yaml.MappingNode:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise invalid(name + line, f"not YAML: {error.problem}") from None
    except RecursionError:
        raise invalid(name, "nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise invalid(name, f"not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(root, yaml.MappingNode):
        raise invalid(name, "not a conda file: expected name, channels and dependencies")
    return root


def _list(node: yaml.Node, name: str, what: str) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode):
        raise invalid(f"{name}:{_line(node)}", f"{what}: expected a list")
    return list(node.value)


def _pip(node: yaml.MappingNode, name: str, faults: Faults) -> list[tuple[str, str]]:
    """The lines of the list for pip, each with its file and line."""
    located = []
    for key, value in node.value:
        if key.value != "pip":
            raise invalid(f"{name}:{_line(key)}", f"{key.value}: only pip has a list of its own")
        for item in _list(value, name, "pip"):
            with faults.collected():
                if not isinstance(item, yaml.ScalarNode):
                    raise invalid(f"{name}:{_line(item)}", "pip: expected a requirement")
                located.append((f"{name}:{_line(item)}", str(item.value).strip()))
    return located


def _without_sources(located: list[tuple[str, str]], notes: list[str]) -> Iterator[tuple[str, str]]:
    for where, line in located:
        if names_source(line):
            notes.append(f"{where}: {scrub(line)}: left out; package sources are set in {sources_file()}")
        else:
            yield where, line


def _on_index(name: str, where: str) -> str:
    index_name = conda_names.on_index(name)
    if index_name is None:
        raise invalid(
            where,
            f"{name} is not a Python package, so pip cannot install it. Python packages mostly bring the libraries "
            "that they need: leave the line out. If it is really needed, take an image that has it (--image), or a "
            "Dockerfile that installs it (--dockerfile), and name this file with it",
        )
    return index_name


def _scalar(entries: dict[str, tuple[yaml.Node, yaml.Node]], key: str) -> str:
    value = entries[key][1].value if key in entries else ""
    return value if isinstance(value, str) else ""


def _variables(entries: dict[str, tuple[yaml.Node, yaml.Node]], name: str) -> dict[str, str]:
    if "variables" not in entries:
        return {}
    node = entries["variables"][1]
    if not isinstance(node, yaml.MappingNode):
        raise invalid(f"{name}:{_line(node)}", "variables: expected names with values")
    return {key.value: str(value.value) for key, value in node.value}


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
