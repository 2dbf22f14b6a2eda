"""Reads JSON that others wrote; whatever the bytes are, there is one kind of error."""

from __future__ import annotations

import json
import math
from typing import Any

from localmodel_untrusted.files import UnreadableError, decoded


def parse(content: bytes, errors: str = "strict") -> Any:
    """The value of a JSON text in UTF-8.

    `errors`, as of str.encode() and decode(), is for halves of surrogate pairs, which are no text.

    Raises:
        UnreadableError: there is none, a number of it is not finite, or a text of it is not Unicode.
    """
    value = _loaded(decoded(content), _strict)
    if b"\\u" not in content:
        return value
    try:
        plain = json.dumps(value, ensure_ascii=False).encode(errors=errors)
    except UnicodeEncodeError:
        raise UnreadableError("a text in it is not Unicode") from None
    except RecursionError:
        raise _too_deep() from None
    return value if errors == "strict" else _loaded(plain.decode(errors=errors), _strict)


def parse_loosely(content: bytes) -> Any:
    """As parse(), but with all that Python's own writer may leave in it: NaN, Infinity, halves of surrogate pairs.

    Raises:
        UnreadableError
    """
    return _loaded(decoded(content), json.JSONDecoder())


def _loaded(written: str, decoder: json.JSONDecoder) -> Any:
    try:
        return decoder.decode(written)
    except UnreadableError:
        raise
    except json.JSONDecodeError as error:
        raise UnreadableError(f"not JSON: {error}" if written.strip() else "not JSON: it is empty") from None
    except ValueError:  # of int(), which has Python's words for programmers
        raise UnreadableError("a number in it has too many digits") from None
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> UnreadableError:
    return UnreadableError("not JSON that can be read: nested too deeply")


def _refuse_constant(written: str) -> Any:
    raise UnreadableError(f"{written} is not JSON")


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise UnreadableError(f"the number {written[:40]} is too large")
    return number


_strict = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
