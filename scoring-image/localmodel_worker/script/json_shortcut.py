"""Answer a script's json.loads(raw_data) with what the server's faster parser has made of the same text.

Only the very text that run() was given is answered so, and only when json.loads was called without options;
everything else goes to the standard library. The server sends nothing along when its parser could differ.
"""

from __future__ import annotations

import functools
import json
import pickle
from types import ModuleType
from typing import Any

_loads = json.loads
_text = ""
_parsed = b""


def install() -> None:
    """Put the answering json.loads in place, before the script is imported."""
    json.loads = _answering_loads


def is_used_by(module: ModuleType) -> bool:
    """Whether a script seems to parse JSON itself."""
    return any(value is json or value is _answering_loads for value in vars(module).values())


def expect(text: str, parsed: bytes) -> None:
    """Take parsed, a pickle, as what json.loads makes of text; the empty text ends that."""
    global _text, _parsed
    _text, _parsed = text, parsed


@functools.wraps(_loads)
def _answering_loads(s: Any, *arguments: Any, **options: Any) -> Any:
    # The same object, not an equal one: comparing 100 MB of text would cost what it saves.
    if s is _text and _parsed and not arguments and not options:
        return pickle.loads(_parsed)  # noqa: S301 - written by our own server
    return _loads(s, *arguments, **options)
