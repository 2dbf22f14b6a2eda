"""The conversion of each field in Azure ML's files: one table for each format, for converters and docs."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from localmodel import reasons
from localmodel.azureml_files.document import Node
from localmodel.errors import UserError

# A placeholder in examples.
_PLACEHOLDER = re.compile(r"<[A-Za-z][\w .-]*>|\{\{[\w .-]+\}\}")


class Fate(Enum):
    MAPPED = "mapped"
    NOTED = "noted"
    REFUSED = "refused"


class Kind(Enum):
    """The type of a mapped field. OBJECT has the fields that the table lists below it; ANY may be anything."""

    TEXT = "a text"
    NUMBER = "a whole number"
    BOOLEAN = "true or false"
    TEXTS = "texts or numbers by name"
    OBJECT = "fields"
    TEXT_OR_OBJECT = "a text or fields"
    ANY = "anything"


@dataclass(frozen=True)
class Field:
    """A field. `text` says what it becomes, why it has no meaning here, or what to do instead; with Markdown code."""

    path: str
    fate: Fate
    text: str
    kind: Kind = Kind.ANY


@dataclass(frozen=True)
class Format:
    """A file format. `what` is its name in messages ("an online deployment")."""

    what: str
    fields: tuple[Field, ...]


def mapped(path: str, kind: Kind, text: str) -> Field:
    return Field(path, Fate.MAPPED, text, kind)


def noted(path: str, text: str) -> Field:
    return Field(path, Fate.NOTED, text)


def refused(path: str, text: str) -> Field:
    return Field(path, Fate.REFUSED, text)


def look_over(root: Node, format_: Format) -> tuple[str, ...]:
    """Check every field of the document against the table; return notes on those without meaning here.

    Raises:
        UserError: AzureFieldRefused; with a line for each field that is refused, unknown, or of another type.
    """
    problems: list[str] = []
    notes: list[str] = []
    _look(root, format_, problems, notes)
    if problems:
        raise refusal(*problems)
    return tuple(notes)


def refusal(*problems: str) -> UserError:
    """The error for fields that cannot be converted."""
    return UserError(reasons.AZURE_FIELD_REFUSED, "\n".join(problems))


def is_placeholder(text: str) -> bool:
    """Whether the text has a placeholder, such as `<ENDPOINT_NAME>`."""
    return bool(_PLACEHOLDER.search(text))


def number(node: Node | None) -> int | None:
    """The value of a NUMBER field that `look_over()` has checked."""
    return int(str(node.value)) if node is not None else None


def text(node: Node | None) -> str | None:
    """The value of a TEXT field that `look_over()` has checked."""
    return node.text if node is not None else None


def texts(node: Node | None) -> dict[str, str]:
    """The values of a TEXTS field that `look_over()` has checked, without null values."""
    return {name: child.text for name, child in node.items() if child.value is not None} if node is not None else {}


def _look(node: Node, format_: Format, problems: list[str], notes: list[str]) -> None:
    rows = {field.path: field for field in format_.fields}
    for name, child in node.items():
        row = rows.get(child.path)
        if row is None:
            problems.append(_unknown(name, child, format_))
        elif row.fate is Fate.MAPPED and child.value is not None:
            if not _fits(child, row.kind):
                problems.append(child.problem(f"{row.kind.value} expected"))
            elif row.kind in (Kind.TEXT, Kind.TEXT_OR_OBJECT) and is_placeholder(child.text):
                # A name can be given on the command line.
                if name not in ("endpoint_name", "name"):
                    problems.append(child.problem(f"{child.text} has a placeholder: write what it stands for"))
            elif row.kind in (Kind.OBJECT, Kind.TEXT_OR_OBJECT):
                _look(child, format_, problems, notes)
        elif row.fate is not Fate.MAPPED and child.plain():  # a false or empty value asks for nothing
            (problems if row.fate is Fate.REFUSED else notes).append(child.problem(row.text.replace("`", "")))


def _fits(node: Node, kind: Kind) -> bool:
    value = node.value
    if kind is Kind.NUMBER:
        return not isinstance(value, bool) and str(value).isdecimal()
    if kind is Kind.TEXT:
        return not isinstance(value, dict | list)
    if kind is Kind.BOOLEAN:
        return isinstance(value, bool)
    if kind is Kind.OBJECT:
        return isinstance(value, dict)
    if kind is Kind.TEXT_OR_OBJECT:
        return isinstance(value, dict | str)
    if kind is Kind.TEXTS:
        return isinstance(value, dict) and not any(isinstance(child.value, dict | list) for child in value.values())
    return True


def _unknown(name: str, node: Node, format_: Format) -> str:
    folder = node.path.removesuffix(name)
    beside: Sequence[str] = [
        field.path.removeprefix(folder) for field in format_.fields if field.path.startswith(folder)
    ]
    close = difflib.get_close_matches(name, [path for path in beside if "." not in path], 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return node.problem(f"{format_.what} has no such field{hint}")
