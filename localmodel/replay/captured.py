"""What of a captured request can be asked again: a client, a script or somebody else has written it."""

from localmodel.targets.captured_request import CapturedRequest
from localmodel_untrusted import repeatable

JSON = repeatable.JSON


def address(request: CapturedRequest) -> str:
    """Its path with its query."""
    return f"{request.path}?{request.query}" if request.query else request.path


def content_type(request: CapturedRequest) -> str:
    """The content type of what was sent."""
    return request.headers.get("content-type") or JSON


def is_redacted(request: CapturedRequest) -> bool:
    """Whether a hash stands in the place of a value in what was sent."""
    return repeatable.is_redacted(request.body or b"", request.path, request.query)


def is_sendable(request: CapturedRequest) -> bool:
    """Whether address and content type are those of a request that a client can send."""
    return repeatable.is_sendable(address(request), content_type(request))
