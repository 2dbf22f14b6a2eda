"""Parses YAML or JSON into a tree with the place of each value, for messages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from localmodel import reasons
from localmodel.errors import UserError
from localmodel_untrusted.files import UnreadableError, decoded, read_file

# A template's placeholder, which YAML reads as a mapping in a mapping.
_TEMPLATE = re.compile(r"(?m)^(\s*(?:- +)?[\w$.-]+: +)\{\{ *([\w.-]+) *\}\}([^\n#'\"]*)")

Value: TypeAlias = "dict[str, Node] | list[Node] | str | int | float | bool | None"


@dataclass(frozen=True)
class Node:
    """One value: `path` from the root ("environment.image", "" for the root), `place` is "FILE:LINE".

    `text` is a scalar as it was written, as an environment variable would have it.
    """

    value: Value
    text: str
    path: str
    place: str

    def find(self, path: str) -> "Node | None":
        """The value at the dotted path below this one; None if it is missing, null, or not below mappings."""
        node: Node | None = self
        for name in path.split("."):
            node = node.value.get(name) if node is not None and isinstance(node.value, dict) else None
        return node if node is not None and node.value is not None else None

    def items(self) -> "Iterator[tuple[str, Node]]":
        """The fields of a mapping; none for any other value."""
        if isinstance(self.value, dict):
            yield from self.value.items()

    def plain(self) -> Any:
        """The value without its places."""
        if isinstance(self.value, dict):
            return {name: child.plain() for name, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def problem(self, what: str) -> str:
        """A line about this value, for an error or a note."""
        return f"{self.place}: {self.path}: {what}" if self.path else f"{self.place}: {what}"


def parse(text: str, file: str) -> Node:
    """Parse one document; `file` is its name in places.

    Raises:
        UserError: AzureFileInvalid.
    """
    text = _TEMPLATE.sub(r"\1<\2>\3", text)
    loader = yaml.SafeLoader(_json_as_yaml(text) if text.lstrip().startswith("{") else text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise UserError(reasons.AZURE_FILE_INVALID, f"{file}: a mapping is expected, the fields of one deployment")
        return _node(loader, root, "", file, ())
    except RecursionError:
        raise UserError(reasons.AZURE_FILE_INVALID, f"{file}: nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(reasons.AZURE_FILE_INVALID, f"{file}: neither YAML nor JSON: {error}") from None
    finally:
        loader.dispose()


def read(path: Path) -> Node:
    """Read a file.

    Raises:
        UserError: AzureFileInvalid.
    """
    try:
        content = read_file(path)
        if content is None:
            raise UnreadableError("no such file")
        return parse(decoded(content).removeprefix("\ufeff"), str(path))
    except UnreadableError as error:
        raise UserError(reasons.AZURE_FILE_INVALID, f"{path}: cannot be read: {error}") from None


def of(value: object, place: str, path: str = "") -> Node:
    """The tree of a plain value that is in no file; `place` is what stands before its fields in messages."""
    if isinstance(value, Mapping):
        fields = {str(name): of(child, place, f"{path}.{name}".removeprefix(".")) for name, child in value.items()}
        return Node(fields, "", path, place)
    if isinstance(value, list | tuple):
        return Node([of(child, place, f"{path}[{index}]") for index, child in enumerate(value)], "", path, place)
    is_plain = value is None or isinstance(value, str | int | float | bool)
    return Node(value if is_plain else str(value), str(value), path, place)  # type: ignore[arg-type] # checked


def _node(loader: yaml.SafeLoader, node: yaml.Node, path: str, file: str, above: tuple[yaml.Node, ...]) -> Node:
    place = f"{file}:{node.start_mark.line + 1}"
    if node in above:
        raise UserError(reasons.AZURE_FILE_INVALID, f"{place}: {path}: an anchor that holds itself")
    above = (*above, node)
    value: Value
    if isinstance(node, yaml.MappingNode):
        _refuse_twins(node, file)
        loader.flatten_mapping(node)
        value = {
            str(key.value): _node(loader, child, f"{path}.{key.value}".removeprefix("."), file, above)
            for key, child in node.value
        }
        return Node(value, "", path, place)
    if isinstance(node, yaml.SequenceNode):
        items = [_node(loader, child, f"{path}[{index}]", file, above) for index, child in enumerate(node.value)]
        return Node(items, "", path, place)
    value = loader.construct_object(node)
    # A date is kept as text, because no field here is a date.
    is_plain = value is None or isinstance(value, str | int | float | bool)
    return Node(value if is_plain else str(node.value), str(node.value), path, place)


def _refuse_twins(node: yaml.MappingNode, file: str) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if str(key.value) in seen:
            raise UserError(reasons.AZURE_FILE_INVALID, f"{file}:{key.start_mark.line + 1}: {key.value}: given twice")
        seen.add(str(key.value))


def _json_as_yaml(text: str) -> str:
    """The text without what JSON allows and YAML does not: tabs between values, and "\\/"."""
    return re.sub(r"(\\\\)|\\/", lambda match: match[1] or "/", text.replace("\t", " "))
