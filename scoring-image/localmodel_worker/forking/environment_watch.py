"""Records which environment variables Python code reads or sets during an import."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any, Callable, Optional

_Environ = type(os.environ)
_LOOKING = {"os", "_collections_abc", "collections.abc", __name__}


class Reads:
    """A context that records reads: `names` says who read which variable, `all_by` who read all of them."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.all_by = ""

    def __enter__(self) -> None:
        self._plain: Any = _Environ.__getitem__, _Environ.__iter__
        get, iterate = self._plain

        def getitem(environ: Any, key: Any) -> Any:
            if not isinstance(key, _Listed):
                self.names.setdefault(os.fsdecode(key) if isinstance(key, bytes) else str(key), _reader())
            return get(environ, key)

        def listing(environ: Any) -> Any:
            self.all_by = self.all_by or _reader()
            return iter([_Listed(key) if isinstance(key, str) else key for key in iterate(environ)])

        _replace(__getitem__=getitem, __iter__=listing)

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], frames: Optional[TracebackType]
    ) -> None:
        _replace(__getitem__=self._plain[0], __iter__=self._plain[1])


class Changes:
    """A context that reports each variable before it is changed or removed."""

    def __init__(self, on_change: Callable[[str], object]) -> None:
        self._on_change = on_change

    def __enter__(self) -> None:
        self._plain: Any = _Environ.__setitem__, _Environ.__delitem__
        set_, delete = self._plain

        def setitem(environ: Any, key: Any, value: Any) -> None:
            self._tell(key, value)
            set_(environ, key, value)

        def delitem(environ: Any, key: Any) -> None:
            self._tell(key, None)
            delete(environ, key)

        _replace(__setitem__=setitem, __delitem__=delitem)

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], frames: Optional[TracebackType]
    ) -> None:
        _replace(__setitem__=self._plain[0], __delitem__=self._plain[1])

    def _tell(self, key: Any, value: Any) -> None:
        if isinstance(key, (str, bytes)):  # else it is refused with an error anyway
            name = os.fsdecode(key)
            if os.environ.get(name) != (os.fsdecode(value) if isinstance(value, bytes) else value):
                self._on_change(name)


class _Listed(str):
    """A name from a list of all names: reading that variable only shows that all were read."""


def _replace(**methods: Any) -> None:
    # In the class: Python looks special methods up nowhere else.
    for name, method in methods.items():
        setattr(_Environ, name, method)


def _reader() -> str:
    """The package of the code that reads."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name not in _LOOKING:
            return name.partition(".")[0]
        frame = frame.f_back
    return "something"
