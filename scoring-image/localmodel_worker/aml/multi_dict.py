"""Names that may come several times: query parameters, form fields, uploads, cookies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, NoReturn, Optional, TypeVar

from localmodel_worker.client_errors import MissingFieldError

V = TypeVar("V")


class MultiDict(dict[str, V]):
    """A read-only dict of each name's first value, with all of them in getlist().

    A dict proper, so that `json.dumps`, `dict()` and `**` work on it. A missing name raises MissingFieldError,
    which is a KeyError.
    """

    def __init__(self, pairs: Iterable[tuple[str, V]] = ()) -> None:
        self._values: dict[str, list[V]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        super().__init__((name, values[0]) for name, values in self._values.items())

    def __missing__(self, name: str) -> NoReturn:
        raise MissingFieldError(name)

    def get(self, key: str, default: Any = None, type: Optional[Callable[[V], Any]] = None) -> Any:  # noqa: A002
        """The first value, or what `type` makes of it; default when it is missing or type raises ValueError."""
        return first_converted(self._values.get(key, [])[:1], default, type)

    def getlist(self, key: str, type: Optional[Callable[[V], Any]] = None) -> list[Any]:  # noqa: A002
        """All values, or what `type` makes of them, without those that it raises ValueError for."""
        return converted(self._values.get(key, []), type)

    def lists(self) -> list[tuple[str, list[V]]]:
        """Each name with all its values."""
        return [(name, list(values)) for name, values in self._values.items()]

    def to_dict(self, flat: bool = True) -> dict[str, Any]:
        """A plain dict: of first values, or with flat=False of lists of all values."""
        return dict(self) if flat else dict(self.lists())

    def copy(self) -> dict[str, V]:
        """A plain dict of first values, which may be changed."""
        return dict(self)

    def pairs(self) -> list[tuple[str, V]]:
        """Every name and value."""
        return [(name, value) for name, values in self._values.items() for value in values]

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("what came with a request cannot be changed; take a copy with to_dict()")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


def converted(values: list[V], to: Optional[Callable[[V], Any]]) -> list[Any]:
    """What `to` makes of the values, without those that it raises ValueError or TypeError for."""
    if to is None:
        return list(values)
    results = []
    for value in values:
        try:
            results.append(to(value))
        except (ValueError, TypeError):
            continue
    return results


def first_converted(values: list[V], default: Any, to: Optional[Callable[[V], Any]]) -> Any:
    """The first of converted(), or default."""
    return next(iter(converted(values, to)), default)
