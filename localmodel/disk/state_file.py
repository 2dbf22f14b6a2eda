"""Reads the state files of this product, completely or with an error that names the file.

It tells a missing file, a damaged one and one of a later version apart.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from localmodel import reasons
from localmodel.errors import UserError
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError, read_file

T = TypeVar("T")

DAMAGED, NEWER = reasons.STATE_DAMAGED, reasons.STATE_NEWER
# Texts in errors about fields that only a later version writes.
_FORMAT = "format"
_MOST_BYTES = 256 * 1024 * 1024

log = logging.getLogger(__name__)


def read(path: Path | str, kind: type[T], do: str) -> T | None:
    """The dataclass `kind` in the JSON file, with every field checked; None if there is no file.

    `do` is the advice about a damaged file.

    Raises:
        UserError: StateDamaged; StateNewer, if it has fields that this version does not know.
    """
    return load(path, lambda content: typed(json_text.parse(content), kind), do)


def load(path: Path | str, parse: Callable[[bytes], T], do: str) -> T | None:
    """The result of `parse` for the file's content; None if there is no file. Any other error of `parse` means damage.

    Raises:
        UserError: StateDamaged, or one that `parse` raises.
    """
    try:
        content = bytes_of(path)
        return None if content is None else parse(content)
    except _Newer as error:
        raise UserError(
            NEWER, f"{path} was written by a later version of localmodel ({error}); update localmodel to read it"
        ) from None
    except Exception as error:
        raise damaged(path, why(error), do) from None


def bytes_of(path: Path | str) -> bytes | None:
    """The file's content, or None if there is no file.

    Raises:
        UnreadableError: it cannot be read.
    """
    content = read_file(path, _MOST_BYTES)
    if content is None and Path(path).is_symlink():  # a file that exists now has just been written
        raise UnreadableError("a link that leads nowhere")
    return content


def damaged(path: Path | str, why: str, do: str) -> UserError:
    """The error for a damaged file."""
    return UserError(DAMAGED, f"{path} is damaged ({why}); {do}")


def is_unreadable(error: UserError) -> bool:
    """Whether the error is about state that cannot be read."""
    return error.reason in (DAMAGED, NEWER)


def unreadable(error: UserError) -> None:
    """Ignore an error about state that cannot be read.

    Raises:
        UserError: the error, if it is about something else.
    """
    if not is_unreadable(error):
        raise error


def skip(error: UserError) -> None:
    """Like `unreadable()`, with a warning, after which the rest is listed and the command's exit code is 1."""
    unreadable(error)
    log.warning("%s", error)


def or_skip(read: Callable[[], T | None]) -> T | None:
    """The result of `read`; None, with the warning of `skip()`, if it cannot be read."""
    try:
        return read()
    except UserError as error:
        skip(error)
        return None


def entries(folder: Path | str) -> list[os.DirEntry[str]]:
    """The entries of a folder of ours, without hidden files; empty if there is no folder.

    Raises:
        UserError: StateDamaged, if something else is in its place.
    """
    try:
        with os.scandir(folder) as scan:
            return [entry for entry in scan if not entry.name.startswith(".")]
    except FileNotFoundError:
        if not Path(folder).is_symlink():
            return []
        raise damaged(folder, "a link that leads nowhere", "bring back what it leads to, or remove it") from None
    except NotADirectoryError:
        if not os.path.lexists(folder):  # a file is in the place of a folder above
            raise
        raise damaged(folder, "it is not a folder", "put the folder back from a backup, or remove it") from None


def typed(value: Any, kind: type[T]) -> T:
    """The dataclass from a JSON object of its fields.

    Raises:
        ValueError: a field is missing, or has another type.
    """
    wanted: Any = kind
    made: T = _checker(wanted)(value, "")
    return made


def known(content: Mapping[str, Any], kind: type[T]) -> T:
    """Like `typed()`, from an object that may have more fields, of another version or not needed here.

    Raises:
        ValueError, TypeError: it is something else.
    """
    wanted: Any = kind
    return typed({field.name: content[field.name] for field in fields(wanted) if field.name in content}, kind)


class _Newer(Exception):
    """The value has fields that only a later version writes."""


def why(error: Exception) -> str:
    """A phrase for why a value could not be read."""
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    return str(error) if isinstance(error, ValueError | UserError) else "its content has another form"


_Check = Callable[[Any, str], Any]


@cache
def _checker(kind: Any) -> _Check:
    """A function that makes a value of the type from its JSON, or says in which place it is wrong."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return lambda value, _: value
    if is_dataclass(kind):
        return _of_dataclass(kind)
    if origin in (Union, UnionType) and NoneType in inner and len(inner) == 2:
        other = _checker(next(member for member in inner if member is not NoneType))
        return lambda value, place: None if value is None else other(value, place)
    if origin is not None and issubclass(origin, Mapping):
        return _of_mapping(_checker(inner[1]))
    if origin is tuple and inner[-1] is Ellipsis:
        return _of_list(_checker(inner[0]))
    if kind in (str, int, bool, float):
        return _of_scalar(kind)
    raise TypeError(f"{kind} is not read from files")


def _of_scalar(kind: type) -> _Check:
    kinds: tuple[type, ...] = (int, float) if kind is float else (kind,)
    words = {str: "text", int: "a whole number", bool: "true or false", float: "a number"}

    def check(value: Any, place: str) -> Any:
        if type(value) not in kinds:
            raise ValueError(f"{place or 'it'} is not {words[kind]}")
        return value

    return check


def _of_mapping(inner: _Check) -> _Check:
    def check(value: Any, place: str) -> Any:
        return {key: inner(item, f"{place}.{key}") for key, item in _object(value, place).items()}

    return check


def _of_list(inner: _Check) -> _Check:
    def check(value: Any, place: str) -> Any:
        if not isinstance(value, list):
            raise ValueError(f"{place or 'it'} is not a list")
        return tuple(inner(item, f"{place}[{index}]") for index, item in enumerate(value))

    return check


def _of_dataclass(kind: Any) -> _Check:
    hints = get_type_hints(kind)
    checks = {field.name: _checker(hints[field.name]) for field in fields(kind)}
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]

    def check(value: Any, place: str) -> Any:
        value = _object(value, place)
        if _FORMAT in value and _FORMAT not in checks:
            raise _Newer(f"its format is {value[_FORMAT]!r}")
        inside = f"{place}." if place else ""
        if missing := [name for name in needed if name not in value]:
            raise ValueError(f"{inside}{missing[0]} is missing")
        values = {name: checks[name](item, f"{inside}{name}") for name, item in value.items() if name in checks}
        if len(values) < len(value):
            raise _Newer(f"it has the field {inside}{min(value.keys() - values.keys())}")
        return kind(**values)

    return check


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{place or 'it'} is not an object")
    return value
