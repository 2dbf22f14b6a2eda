"""Takes values out of a record: a salted hash stands in the place of each, wherever the value occurs."""

from __future__ import annotations

import bisect
import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, quote, quote_plus, unquote, urlencode

from localmodel_server.capture.exchange import NOT_KEPT
from localmodel_untrusted.json_path import Pattern

# More ways of spelling values, or more of them in a text, are not looked for: it would take too long.
_MOST_VALUES = 1000
_MOST_PIECES = 10_000
_MOST_WORK = 200 << 20  # ways of spelling, times the characters to search
_MOST_STEPS = 2_000_000  # for one request; each takes about a tenth of a microsecond
_STEPS_TO_REPLACE = 10
# Shorter texts stand in the middle of other words, too, where they tell nothing.
_SHORT = 4
_ESCAPE = re.compile(r"\\/|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class CannotRedactError(ValueError):
    """Not all values can be found, so nothing of the request may be written; the text says why."""


class Parts(NamedTuple):
    """What a client or a script has written. body and answer are None where they are left out; answer is JSON."""

    request_id: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None
    answer: bytes | None
    answer_type: str


class Redactor:
    """Redacts what is at some paths of a request's body.

    The salt is made for this process and never written, so that equal values have equal hashes as long as it lives, and
    nobody can try values out afterwards.
    """

    def __init__(self, redact: tuple[str, ...], paths: tuple[Pattern, ...], salt: bytes) -> None:
        self._paths = dict(zip(redact, paths))
        self._names = {path[-1].casefold() for path in paths if path and isinstance(path[-1], str)}
        self._salt = salt

    def mask(self, text: str) -> str:
        """What stands in the place of a text."""
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=8)
        return f"redacted:{digest.hexdigest()}"

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
                raise CannotRedactError(f"the request has nothing at {name}, which spec.capture.redact names")
        answer = _document("answer", parts.answer) if parts.answer else None
        for path in self._paths.values():
            answer, _ = self._masked(answer, path, values)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        for name, text in [*pairs, *parts.headers.items()]:
            if name.casefold() in self._names and text:
                self._note(text, values)
        address = unquote(parts.path)
        plain = [parts.request_id, address, parts.answer_type, *parts.headers.values()]
        hidden = _Hidden(values, [document, answer, *plain, *(text for pair in pairs for text in pair)])
        if in_query:
            query = urlencode(hidden.in_value(document), doseq=True)
        else:
            query = urlencode([(hidden.in_text(name), hidden.in_text(text)) for name, text in pairs])
        return Parts(
            hidden.in_text(parts.request_id),
            parts.path if hidden.in_text(address) == address else hidden.in_text(address),
            query,
            {name: hidden.in_text(text) for name, text in parts.headers.items()},
            b"" if in_query else _written(hidden.in_value(document)),
            _written(hidden.in_value(answer)) if parts.answer else parts.answer,
            hidden.in_text(parts.answer_type),
        )

    def _masked(self, value: Any, path: Pattern, values: dict[str, str]) -> tuple[Any, int]:
        """The value with hashes at the path, and how many there are; adds each scalar and name in it to `values`."""
        if not path:
            for text in _texts(value):
                self._note(text, values)
            return self.mask(value if isinstance(value, str) else _canonical(value)), 1
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

    def _note(self, text: str, values: dict[str, str]) -> None:
        """Add the hash of a text in all ways of spelling it."""
        if text not in values:
            values.update(dict.fromkeys(_spellings(text), self.mask(text)))
        if len(values) > _MOST_VALUES:
            raise CannotRedactError(f"there are more than {_MOST_VALUES} values to redact")


class _Hidden:
    """Puts the hashes of values in the place of the values, wherever they stand in `places`."""

    def __init__(self, values: dict[str, str], places: list[Any]) -> None:
        self._values = values
        self._hashes = frozenset(values.values())
        self._numbers = {_number(text): mask for text, mask in values.items() if _NUMBER.fullmatch(text)}
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._steps = 0
        texts: list[str] = []
        for place in places:
            _add_texts(place, texts)
        texts += [_with_equal_escapes(text) for text in texts]
        self._held = self._hold([*dict.fromkeys(texts)])

    def in_text(self, text: str) -> str:
        if text in self._hashes:  # a hash may look as if it held a value
            return text
        pieces = self._pieces(text, self._held.get(text, []))
        other = _with_equal_escapes(text)
        if other != text and other in self._held:
            for index in range(0, len(pieces), 2):
                parts = self._pieces(_with_equal_escapes(pieces[index]), self._held[other])
                if len(parts) > 1:
                    pieces[index] = "".join(parts)
        return "".join(pieces)

    def _hold(self, texts: list[str]) -> dict[str, list[str]]:
        """The values that each text holds, the longest first: one may be a part of another."""
        everything = "\n".join(texts)
        if len(self._values) * len(everything) > _MOST_WORK:
            raise CannotRedactError("it is too long to be searched for so many values")
        begins = [0, *itertools.accumulate(len(text) + 1 for text in texts)]
        held: dict[str, list[str]] = {}
        for value in sorted(self._values, key=len, reverse=True):
            position = everything.find(value)
            while position >= 0:
                self._count(_STEPS_TO_REPLACE)
                index = bisect.bisect_right(begins, position) - 1
                held.setdefault(texts[index], []).append(value)
                position = everything.find(value, begins[index + 1])
        return held

    def _count(self, steps: int) -> None:
        """Count steps of the search.

        Raises:
            CannotRedactError: there were too many of them.
        """
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise CannotRedactError("the texts contain values to redact too often")

    def _pieces(self, text: str, held: list[str]) -> list[str]:
        """The text in pieces, of which every second one is the hash of a value that it holds."""
        pieces = [text]
        for value in held:
            self._count(len(pieces) // 2 + 1)
            for index in [index for index in range(len(pieces) - 1, -1, -2) if value in pieces[index]]:
                parts = self._split(pieces[index], value)
                self._count(_STEPS_TO_REPLACE * len(parts))
                pieces[index : index + 1] = [piece for part in parts for piece in (part, self._values[value])][:-1]
            if len(pieces) > _MOST_PIECES:
                raise CannotRedactError("one text contains values to redact too often")
        return pieces

    def _split(self, text: str, value: str) -> list[str]:
        """The text without the value; where that is short, only where it stands alone."""
        if len(value) >= _SHORT:
            return text.split(value)
        if value not in self._patterns:
            # The value first: the search for it is fast.
            self._patterns[value] = re.compile(rf"{re.escape(value)}(?<!\w{re.escape(value)})(?!\w)")
        return self._patterns[value].split(text)

    def in_value(self, value: Any) -> Any:
        return self._in_value(value) if self._held or self._numbers else value

    def _in_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, dict):
            return {self.in_text(name): self._in_value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._in_value(item) for item in value]
        return value if value is None or isinstance(value, bool) else self._numbers.get(value, value)


def _add_texts(value: Any, texts: list[str]) -> None:
    """Add the texts in a value, with the names in its objects."""
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        texts.extend(value)
        for item in value.values():
            _add_texts(item, texts)
    elif isinstance(value, list):
        for item in value:
            if not isinstance(item, float):  # what most long lists have
                _add_texts(item, texts)


def _number(text: str) -> float:
    return float(text) if text.strip("-0123456789") else int(text)


def _texts(value: Any) -> Iterator[str]:
    """How each text, name of a field and number in a value may be written; true, false and null tell nothing."""
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(name)
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
    spellings = {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        quote(text, errors="replace"),
        quote_plus(text, errors="replace"),
        text.encode("utf-8", "replace").decode("latin-1"),
    }
    return spellings | {_with_equal_escapes(spelling) for spelling in spellings}


def _with_equal_escapes(text: str) -> str:
    """The text with its escapes, of JSON and of addresses, written in one way: where they are needed, in lower case."""
    return _ESCAPE.sub(_equal_escape, text) if "\\" in text or "%" in text else text


def _equal_escape(match: re.Match[str]) -> str:
    escape = match[0]
    if escape == "\\/":
        return "/"
    character = chr(int(escape.strip("\\u%"), 16))
    if escape.startswith("%"):
        return (
            character if character.isascii() and (character.isalnum() or character in "-._~/!'()*") else escape.lower()
        )
    if character in '"\\':
        return f"\\{character}"
    return character if " " <= character <= "~" else escape.lower()


def _parameters(query: str) -> dict[str, Any]:
    named = parse_qs(query, keep_blank_values=True)
    return {name: values[0] if len(values) == 1 else values for name, values in named.items()}


def _document(name: str, content: bytes | None) -> Any:
    if content is None:
        raise CannotRedactError(f"the {name} is {NOT_KEPT}, so it cannot be searched for values to redact")
    try:
        return json.loads(content, object_pairs_hook=_once)
    except CannotRedactError as error:
        raise CannotRedactError(f"the {name} {error}") from None
    except (ValueError, RecursionError):
        raise CannotRedactError(f"the {name} is not JSON, so nothing in it can be redacted") from None


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
