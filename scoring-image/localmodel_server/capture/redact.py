"""Takes values out of a record: a salted hash stands in the place of each, wherever the value occurs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, quote, quote_plus, urlencode

from localmodel_server.json_path import Pattern

# More values than these are not looked for everywhere: it would take too long.
_MOST_VALUES = 1000
# Shorter texts stand in the middle of other words, too, where they tell nothing.
_SHORT = 4


class CannotRedactError(ValueError):
    """It cannot be told where the values are, so that nothing may be written; the text says why."""


class Parts(NamedTuple):
    """What a client or a script has written. body and answer are None where they are left out; answer is JSON."""

    request_id: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    answer: bytes | None


class Redactor:
    """Redacts what is at some paths of a request's body.

    The salt is made for this process and never written, so that equal values have equal hashes as long as it lives, and
    nobody can try values out afterwards.
    """

    def __init__(self, redact: tuple[str, ...], paths: tuple[Pattern, ...], salt: bytes) -> None:
        self._paths = dict(zip(redact, paths))
        self._salt = salt

    def redact(self, parts: Parts) -> Parts:
        """The parts without the values.

        A request without a body has its parameters in the query.

        Raises:
            CannotRedactError
        """
        values: dict[str, str] = {}
        in_query = parts.body == b""
        document = _parameters(parts.query) if in_query else _document("body", parts.body)
        for name, path in self._paths.items():
            document, count = self._masked(document, path, values)
            if not count:
                raise CannotRedactError(f"nothing is at {name}, which is to be redacted")
        answer = _document("answer", parts.answer) if parts.answer else None
        for path in self._paths.values():
            answer, _ = self._masked(answer, path, values)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        self._note_named([*pairs, *parts.headers.items()], values)
        if len(values) > _MOST_VALUES:
            raise CannotRedactError(f"more than {_MOST_VALUES} values are to be redacted")
        hidden = _Hidden(values)
        if in_query:
            query = urlencode(hidden.in_value(document), doseq=True)
        else:
            query = urlencode([(hidden.in_text(name), hidden.in_text(text)) for name, text in pairs])
        return Parts(
            hidden.in_text(parts.request_id),
            hidden.in_text(parts.path),
            query,
            {name: hidden.in_text(text) for name, text in parts.headers.items()},
            b"" if in_query else _written(hidden.in_value(document)),
            _written(hidden.in_value(answer)) if parts.answer else parts.answer,
        )

    def _note_named(self, pairs: Iterable[tuple[str, str]], values: dict[str, str]) -> None:
        """Add the values of parameters and headers that have the name at the end of a path."""
        names = {path[-1] for path in self._paths.values() if path}
        for name, text in pairs:
            if name in names and text:
                values.update(dict.fromkeys(_spellings(text), self._mask(text)))

    def _masked(self, value: Any, path: Pattern, values: dict[str, str]) -> tuple[Any, int]:
        """The value with hashes at the path, and how many there are; adds each scalar with its hash to `values`."""
        if not path:
            for text in _texts(value):
                values.update(dict.fromkeys(_spellings(text), self._mask(text)))
            return self._mask(value if isinstance(value, str) else _canonical(value)), 1
        step, rest = path[0], path[1:]
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return value, 0
            masked, count = self._masked(value[step], rest, values)
            return {**value, step: masked}, count
        if not isinstance(value, list) or (step is not None and not -len(value) <= step < len(value)):
            return value, 0
        items, total = list(value), 0
        for index in range(len(items)) if step is None else [step]:
            items[index], count = self._masked(items[index], rest, values)
            total += count
        return items, total

    def _mask(self, text: str) -> str:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=8)
        return f"redacted:{digest.hexdigest()}"


class _Hidden:
    """Puts the hashes of values in the place of the values, wherever they stand."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values
        self._hashes = frozenset(values.values())
        # The longest first: one may be a part of another.
        texts = sorted(values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_alone, texts))) if texts else None

    def in_text(self, text: str) -> str:
        if self._pattern is None or text in self._hashes:  # a hash may look as if it held a value
            return text
        return self._pattern.sub(lambda match: self._values[match[0]], text)

    def in_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, dict):
            return {self.in_text(name): self.in_value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.in_value(item) for item in value]
        if value is None or isinstance(value, bool):
            return value
        return next((self._values[text] for text in _texts(value) if text in self._values), value)


def _alone(text: str) -> str:
    return re.escape(text) if len(text) >= _SHORT else rf"(?<!\w){re.escape(text)}(?!\w)"


def _texts(value: Any) -> Iterator[str]:
    """How each text and number in a value may be written; true, false and null tell nothing."""
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, float):
        yield repr(value)
        if value.is_integer():
            yield str(int(value))
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def _spellings(text: str) -> set[str]:
    """The text as it stands in plain text, in JSON within a text, in an address, and in a header."""
    return {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(text, errors="replace"),
        quote_plus(text, errors="replace"),
        text.encode("utf-8", "replace").decode("latin-1"),
    }


def _parameters(query: str) -> dict[str, Any]:
    named = parse_qs(query, keep_blank_values=True)
    return {name: values[0] if len(values) == 1 else values for name, values in named.items()}


def _document(name: str, content: bytes | None) -> Any:
    if content is None:
        raise CannotRedactError(f"the {name} is not whole, or too long, to be searched for what is to be redacted")
    try:
        return json.loads(content, object_pairs_hook=_once)
    except CannotRedactError as error:
        raise CannotRedactError(f"the {name} {error}") from None
    except (ValueError, RecursionError):
        raise CannotRedactError(f"the {name} is not JSON, so that nothing in it can be redacted") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all there: of two equal ones, one would be forgotten."""
    named = dict(pairs)
    if len(named) < len(pairs):
        raise CannotRedactError("has an object with the same name twice")
    return named


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
