"""Requests below a prefix (LOCALMODEL_PUBLIC_PATH, SERVICE_PATH_PREFIX) that a proxy has left in their path."""

from __future__ import annotations

from localmodel_server.messages.call import Headers

# First parts of the paths of the server's own routes: these stay reachable whatever the prefix is
OWN = frozenset(
    {
        *("score", "livez", "readyz", "metrics", "swagger.json", "openapi.json"),
        *("v1", "v2", "kserve", "invocations", "ping", "health", "version"),
    }
)


def without(target: bytes, prefix: str) -> bytes:
    """The request's target without the prefix (`/prefix`); one that is not below it stays as it is."""
    if prefix.split("/")[1] in OWN or not target.startswith(prefix.encode()):
        return target
    rest = target[len(prefix.encode()) :]
    if rest[:1] == b"/":
        return rest
    return b"/" + rest if rest[:1] in (b"", b"?") else target


def scheme(headers: Headers) -> str:
    """How the client has called the server, if a proxy ends TLS in front of it."""
    return "https" if (b"x-forwarded-proto", b"https") in headers else "http"
