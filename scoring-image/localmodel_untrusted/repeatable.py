"""Whether a captured request can be asked again: a client, a script or somebody else has written it."""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

JSON = "application/json"
_ADDRESS = re.compile(r"/[!-~]*")
_HEADER = re.compile(r"[ -~]*")


def is_redacted(body: bytes, path: str, query: str) -> bool:
    """Whether a hash stands in the place of a value in what was sent."""
    return b"redacted:" in body or "redacted:" in f"{unquote(path)} {unquote_plus(query)}"


def is_sendable(address: str, content_type: str) -> bool:
    """Whether address and content type are those of a request that a client can send."""
    return bool(_ADDRESS.fullmatch(address) and _HEADER.fullmatch(content_type))
