"""Encode what run() returned as JSON."""

from __future__ import annotations

import json
import math
from typing import Any

_KEYS = (str, int, float, bool, type(None))
_LONGEST_KEY = 40


class NotJsonError(ValueError):
    """JSON cannot express a value; the text says which, and where it is in the whole."""


def encode_result(result: Any, allow_nan: bool = False) -> bytes:
    """The JSON text of a result: None becomes `{}`, a str becomes a JSON string, numpy values their lists.

    A toJSON() method, which the original's page promised to honour, gives an object's JSON text. Bare NaN and Infinity,
    which are not JSON, are written only when they are allowed.

    Raises:
        NotJsonError
    """
    if result is None:
        return b"{}"
    try:
        return (_lenient if allow_nan else _strict).encode(result).encode()
    except Exception:
        return _encode_odd(result, allow_nan, "run() returned a value that cannot be written as JSON: ").encode()


def encode(value: Any, allow_nan: bool) -> str:
    """The JSON text of a value, written in the same way.

    Raises:
        NotJsonError
    """
    try:
        return (_lenient if allow_nan else _strict).encode(value)
    except Exception:
        return _encode_odd(value, allow_nan)


def _encode_odd(value: Any, allow_nan: bool, before: str = "") -> str:
    """Walk through everything, for which only an odd value has to pay: convert it, or say what it is, and where."""
    try:
        return (_lenient if allow_nan else _strict).encode(_plain(value, "$", allow_nan, ()))
    except NotJsonError as error:
        raise NotJsonError(f"{before}{error}") from error
    except RecursionError as error:
        raise NotJsonError(f"{before}it is nested too deeply") from error
    except Exception as error:
        raise NotJsonError(f"{before}{type(error).__name__}: {' '.join(str(error).split())}") from error


def _plain(value: Any, path: str, allow_nan: bool, around: tuple[int, ...]) -> Any:
    """A value as dicts, lists, text and numbers alone; around are the ids of what it is in."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        if not allow_nan and not math.isfinite(value):
            raise NotJsonError(f"{path} is {_name(value)}, which JSON does not have; replace it by a number or by None")
        return value
    if id(value) in around:
        raise NotJsonError(f"{path} is a {_type(value)} that contains itself")
    around = (*around, id(value))
    if isinstance(value, dict):
        return {
            _key(key, path, allow_nan): _plain(item, f"{path}{_step(key)}", allow_nan, around)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{index}]", allow_nan, around) for index, item in enumerate(value)]
    try:
        own = _own_json(value)
    except Exception as error:
        raise NotJsonError(f"{path}: {' '.join(str(error).split()) or type(error).__name__}") from error
    return _plain(own, path, allow_nan, around)


def _key(key: Any, path: str, allow_nan: bool) -> Any:
    """A key as json.dumps takes it: numpy's numbers count as Python's."""
    plain = key.item() if hasattr(key, "dtype") and hasattr(key, "item") else key
    if not isinstance(plain, _KEYS) or _is_time(key):
        raise NotJsonError(f"a key of {path} is a {_type(key)}, and JSON's keys are text; write str() of it")
    if not allow_nan and isinstance(plain, float) and not math.isfinite(plain):
        raise NotJsonError(f"a key of {path} is {_name(plain)}, which JSON does not have")
    return plain


def _step(key: Any) -> str:
    text = str(key)
    return f".{text}" if text.isidentifier() else f"[{json.dumps(text[:_LONGEST_KEY])}]"


def _name(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _own_json(value: Any) -> Any:
    if hasattr(value, "toJSON"):
        return json.loads(value.toJSON())
    if hasattr(value, "tolist") and not _is_time(value):
        plain = value.tolist()
        if isinstance(plain, (*_KEYS, list, tuple, dict)):
            return plain
    name = _type(value)
    article = "an" if name[0] in "aeiou" else "a"
    raise TypeError(f"{article} {name} is not a JSON type; return its text, or the numbers in it")


def _is_time(value: Any) -> bool:
    """Whether it is numpy's date or duration, or a list of such: some would pass for whole numbers."""
    return getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m")


def _type(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name} of {value.dtype}" if _is_time(value) and getattr(value, "shape", ()) != () else name


_strict = json.JSONEncoder(allow_nan=False, default=_own_json)
_lenient = json.JSONEncoder(default=_own_json)
