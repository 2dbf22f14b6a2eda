"""What of a captured request can be asked again: a client, a script or somebody else has written it."""

import re
from urllib.parse import unquote, unquote_plus

from localmodel.targets.captured_request import CapturedRequest

JSON = "application/json"
_ADDRESS = re.compile(r"/[!-~]*")
_HEADER = re.compile(r"[ -~]*")


def address(request: CapturedRequest) -> str:
    """Its path with its query."""
    return f"{request.path}?{request.query}" if request.query else request.path


def content_type(request: CapturedRequest) -> str:
    """The content type of what was sent."""
    return request.headers.get("content-type") or JSON


def is_redacted(request: CapturedRequest) -> bool:
    """Whether a hash stands in the place of a value in what was sent."""
    sent = f"{unquote(request.path)} {unquote_plus(request.query)}"
    return b"redacted:" in (request.body or b"") or "redacted:" in sent


def is_sendable(request: CapturedRequest) -> bool:
    """Whether address and content type are those of a request that a client can send."""
    return bool(_ADDRESS.fullmatch(address(request)) and _HEADER.fullmatch(content_type(request)))
