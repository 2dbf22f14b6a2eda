"""The files of the page at /ui, by their names: nothing else of the disk can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

INDEX = "index.html"
_KINDS = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors http://localhost:* http://127.0.0.1:*",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}


@lru_cache(maxsize=1)
def contents() -> Mapping[str, bytes]:
    """The content of each file."""
    return {path.name: path.read_bytes() for path in (Path(__file__).parent / "static").iterdir()}


def headers(name: str) -> dict[str, str]:
    """The headers of the answer with this file."""
    return {**_HEADERS, "content-type": f"{_KINDS[Path(name).suffix]}; charset=utf-8"}
