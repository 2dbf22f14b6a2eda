"""Who may call: web pages of other origins may not.

A browser lets every page send requests to any address, 127.0.0.1 as well. It says so with Origin and Sec-Fetch-Site.
It does not where a name of the page's own leads to this server (DNS rebinding): then only the Host tells.
Programs send none of these headers but a Host, which is a name that the server knows or its address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection

from localmodel_server.configuration.settings import Settings
from localmodel_server.connections.request_head import BadHeadError, Host, called_host, read_host
from localmodel_server.messages.call import Headers

# The latter is what containers call their machine, and no name that anybody else can have.
_LOCAL = frozenset({"localhost", "host.docker.internal"})
_FROM_HERE = (b"same-origin", b"none")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_MOST_KNOWN = 1000


class Callers:
    """Refuses requests that a page of another origin has made.

    `settings` returns those of the serving revision, or None; before one serves, the names in `at_start` count.
    """

    def __init__(self, settings: Callable[[], Settings | None], at_start: Collection[str]) -> None:
        self._settings = settings
        self._at_start = at_start
        self._serving: Settings | None = None
        self._known: set[bytes] = set()

    def knows(self, host: bytes) -> bool:
        """Whether this Host header has already been accepted for the serving revision."""
        if self._settings() is not self._serving:
            self._serving = self._settings()
            self._known.clear()
        return host in self._known

    def check(self, version: str, target: bytes, headers: Headers) -> None:
        """Check that a request may be answered.

        Raises:
            BadHeadError
        """
        host = called_host(version, target, headers)
        settings = self._settings()
        if host is not None and not is_ours(host.name, self._at_start if settings is None else settings.hosts):
            called = f"{host.name!a} is not a name of this server" if host.name else "the Host header is empty"
            raise BadHeadError(421, f"{called}; LOCALMODEL_ALLOWED_HOSTS can allow it")
        if not _leads_to_page(target, headers, "" if settings is None else settings.service_path_prefix):
            check_origin(host, headers, () if settings is None else settings.cors_origins)
        if len(headers) == 1 and headers[0][0] == b"host" and target[:1] == b"/":
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known.add(headers[0][1])


def is_ours(name: str, hosts: Collection[str]) -> bool:
    """Whether this is a name of the server: an address, this machine, or one of `hosts` (`*`: any)."""
    return name in hosts or name in _LOCAL or name.endswith(".localhost") or "*" in hosts or _is_address(name)


def check_origin(host: Host | None, headers: Headers, allowed: Collection[str]) -> None:
    """Check that no page of another origin has sent the request, unless AML_CORS_ORIGINS allows it.

    Raises:
        BadHeadError
    """
    origins = [value.decode("latin-1") for name, value in headers if name == b"origin"]
    sites = [value for name, value in headers if name == b"sec-fetch-site"]
    is_own = all(_is_origin_of(origin, host) for origin in origins) and all(site in _FROM_HERE for site in sites)
    if is_own or "*" in allowed or (origins and all(origin in allowed for origin in origins)):
        return
    page = f"a page of {origins[0]!a}" if origins else "a page of another site"
    raise BadHeadError(403, f"{page} may not call this server; AML_CORS_ORIGINS allows pages of other origins")


def _leads_to_page(target: bytes, headers: Headers, prefix: str) -> bool:
    """Whether a browser opens the page at /ui, perhaps by a link elsewhere: it tells nobody else what is on it."""
    return target in (b"/ui", f"{prefix}/ui".encode()) and (b"sec-fetch-mode", b"navigate") in headers


def _is_origin_of(origin: str, host: Host | None) -> bool:
    scheme, separator, rest = origin.partition("://")
    default = _DEFAULT_PORTS.get(scheme)
    if host is None or not separator or default is None:
        return False
    try:
        its = read_host(rest)
    except BadHeadError:
        return False
    # Who ends TLS in front of the server passes the name on, and has the scheme's own port.
    return its.name == host.name and (its.port or default) == (host.port or default)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
