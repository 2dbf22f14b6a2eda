"""HTTP headers as scripts use them: names in any case, several values of a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Callable, Optional, Union

from localmodel_worker.aml.multi_dict import converted, first_converted
from localmodel_worker.client_errors import MissingFieldError

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SPLITS_RESPONSE = re.compile(r"[\r\n\0]")

Pair = tuple[str, str]


class Headers:
    """Pairs of name and value in their order.

    As in Flask, iterating gives the pairs, keys() the names, and `dict(headers)` works.
    """

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        """Take headers that came over HTTP, without checking them again."""
        self._pairs = list(pairs)

    def __getitem__(self, name: str) -> str:
        for value in self.getlist(name):
            return str(value)
        raise MissingFieldError(name)

    def __setitem__(self, name: str, value: Any) -> None:
        """Replace all headers of the name; raises ValueError like add()."""
        pair = _checked(name, value)
        at = next((index for index, (key, _) in enumerate(self._pairs) if _same(key, name)), len(self._pairs))
        self.remove(name)
        self._pairs.insert(at, pair)

    def __delitem__(self, name: str) -> None:
        self.remove(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(_same(key, name) for key, _ in self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(list(self._pairs))

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._lowered() == other._lowered()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self._pairs!r})"

    def get(self, name: str, default: Any = None, type: Optional[Callable[[str], Any]] = None) -> Any:  # noqa: A002
        """The first value, or what `type` makes of it; default when it is missing or type raises ValueError."""
        return first_converted(self.getlist(name)[:1], default, type)

    def getlist(self, name: str, type: Optional[Callable[[str], Any]] = None) -> list[Any]:  # noqa: A002
        """All values, or what `type` makes of them, without those that it raises ValueError for."""
        return converted([value for key, value in self._pairs if _same(key, name)], type)

    get_all = getlist

    def keys(self) -> list[str]:
        """The names; one that comes twice is there twice."""
        return [name for name, _ in self._pairs]

    def values(self) -> list[str]:
        """The values."""
        return [value for _, value in self._pairs]

    def items(self) -> list[Pair]:
        """The pairs of name and value."""
        return list(self._pairs)

    def add(self, name: str, value: Any) -> None:
        """Append a header, whether or not there is one of that name.

        Raises:
            ValueError: the name is not one, or the value cannot stand in a header: a line break in it would let whoever
                supplied it write headers and a body of their own.
        """
        self._pairs.append(_checked(name, value))

    def set(self, name: str, value: Any) -> None:
        """Same as `headers[name] = value`."""
        self[name] = value

    def setdefault(self, name: str, value: Any) -> str:
        """The value of a header, which is set first when it is missing."""
        if name not in self:
            self.add(name, value)
        return self[name]

    def extend(self, headers: Union[Headers, dict[str, Any], Iterable[tuple[str, Any]]]) -> None:
        """Add headers; a list or tuple as value adds one header for each of its items."""
        for name, value in list(headers.items() if isinstance(headers, (Headers, dict)) else headers):
            for item in value if isinstance(value, (list, tuple)) else [value]:
                self.add(name, item)

    def update(self, headers: Union[Headers, dict[str, Any], Iterable[tuple[str, Any]]]) -> None:
        """Like extend(), but the earlier headers of these names are removed first."""
        pairs = list(headers.items() if isinstance(headers, (Headers, dict)) else headers)
        for name, _ in pairs:
            self.remove(name)
        self.extend(pairs)

    def remove(self, name: str) -> None:
        """Drop every header of that name."""
        self._pairs = [pair for pair in self._pairs if not _same(pair[0], name)]

    def pop(self, name: str, default: Any = None) -> Any:
        """Remove a header and return its first value, or default."""
        value = self.get(name, default)
        self.remove(name)
        return value

    def _lowered(self) -> list[Pair]:
        return [(name.lower(), value) for name, value in self._pairs]


def request_headers(pairs: Iterable[Pair]) -> Headers:
    """Headers of a request as WSGI servers show them: `Content-Type` however it was sent, repeats joined."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        name = name.title()
        separator = "; " if name == "Cookie" else ", "
        joined[name] = joined[name] + separator + value if name in joined else value
    return Headers(joined.items())


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _checked(name: str, value: Any) -> Pair:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a header")
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    if _SPLITS_RESPONSE.search(text):
        raise ValueError(f"header {name}: its value must not have a line break or a zero byte")
    try:
        text.encode("latin-1")
    except UnicodeEncodeError as error:
        raise ValueError(f"header {name}: {text[error.start]!r} cannot stand in a header; encode it first") from None
    return name, text
