"""What HTTP asks of a request's head before anything else is done for it (RFC 9112)."""

from __future__ import annotations

import re
from typing import NamedTuple

import httptools

from localmodel_server.messages.call import Headers

# The only headers that problems of a head are about: the others of an ordinary request are not looked at again.
WATCHED = frozenset({b"host", b"origin", b"sec-fetch-mode", b"sec-fetch-site", b"transfer-encoding"})
_VERSIONS = ("1.1", "1.0")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]@/\s]*)(?::([0-9]*))?")


class BadHeadError(Exception):
    """The request is refused because of its head; the text is for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Host(NamedTuple):
    """The host that a request names: in lower case, without a dot at its end; port as text, "" for none."""

    name: str
    port: str


def check_framing(version: str, headers: Headers) -> None:
    """Check that the head makes clear where the request ends.

    Raises:
        BadHeadError
    """
    if version not in _VERSIONS:
        raise BadHeadError(505, f"this server speaks HTTP/1.1, not HTTP/{version}")
    given = [value for name, value in headers if name == b"transfer-encoding"]
    if not given:
        return
    if version == "1.0":
        raise BadHeadError(400, "HTTP/1.0 has no Transfer-Encoding")
    codings = [coding.strip().lower() for coding in b",".join(given).split(b",")]
    unknown = next((coding for coding in codings if coding != b"chunked"), None)
    if unknown is not None:
        raise BadHeadError(501, f"Transfer-Encoding: this server knows chunked, not {unknown.decode('latin-1')!a}")
    if len(codings) > 1:
        raise BadHeadError(400, "Transfer-Encoding: a body can be chunked once")


def called_host(version: str, target: bytes, headers: Headers) -> Host | None:
    """The host that the request names; None when an HTTP/1.0 request names none.

    Raises:
        BadHeadError
    """
    given = [value for name, value in headers if name == b"host"]
    if len(given) > 1:
        raise BadHeadError(400, "the request has more than one Host header")
    if not given and version != "1.0":
        raise BadHeadError(400, "the request has no Host header")
    host = read_host(given[0].decode("latin-1")) if given else None
    if target[:1] in (b"/", b"*"):
        return host
    # A target in absolute form counts instead of the header.
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        raise BadHeadError(400, "the request's target is not a path or a URL") from None
    name = (url.host or b"").decode("latin-1")
    return read_host(f"[{name}]" if ":" in name else name)._replace(port=str(url.port or ""))


def read_host(text: str) -> Host:
    """A host's name or address, with or without a port.

    Raises:
        BadHeadError
    """
    match = _HOST.fullmatch(text.lower())
    if match is None:
        raise BadHeadError(400, f"the Host {text!a} is not a name or an address")
    return Host(match[1].rstrip("."), match[2] or "")
