"""Requests over connections that are kept, to the servers of this machine.

httpx is imported with the first request: it takes longer than all the rest of the library.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from localmodel import reasons
from localmodel.targets import http
from localmodel.targets.http import Answer

if TYPE_CHECKING:
    import httpx

    from localmodel.errors import UserError

_SECONDS_TO_CONNECT = 5.0
# Less than the five seconds after which the server closes an idle connection: no request may meet a closing one.
_SECONDS_KEPT = 2.0


class Connections:
    """Connections for any number of threads; nothing is ever sent twice."""

    def __init__(self) -> None:
        self._pool: httpx.Client | None = None
        self._opening = Lock()

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float | None) -> Answer:
        """One answer. `timeout` in seconds, for each step of the exchange; None: as long as the server takes.

        Raises:
            UserError: Unreachable, TimedOut.
        """
        import httpx

        with self._opening:
            if self._pool is None:
                self._pool = httpx.Client(**_options())
                # A deployment may be all that its program keeps, and outlives the client that would be closed.
                weakref.finalize(self, self._pool.close)
            pool = self._pool
        started = time.monotonic()
        try:
            return _answer(pool.send(_message(pool, url, body, headers, timeout)), started)
        except httpx.TransportError as error:
            raise _failure(url, error, timeout) from None

    def close(self) -> None:
        """Close the connections; the next request opens others."""
        with self._opening:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()


class AsyncConnections:
    """The same for the coroutines of one event loop."""

    def __init__(self) -> None:
        self._pool: httpx.AsyncClient | None = None

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout: float | None,  # noqa: ASYNC109 - it tells what it ended
    ) -> Answer:
        """See Connections.post()."""
        import httpx

        pool = self._pool = self._pool or httpx.AsyncClient(**_options())
        started = time.monotonic()
        try:
            return _answer(await pool.send(_message(pool, url, body, headers, timeout)), started)
        except httpx.TransportError as error:
            raise _failure(url, error, timeout) from None

    async def close(self) -> None:
        """See Connections.close()."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.aclose()


def _options() -> dict[str, Any]:
    import httpx

    return {
        "trust_env": False,  # a proxy that the user's shell names is not for this machine's own addresses
        "limits": httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=_SECONDS_KEPT),
    }


def _message(
    pool: httpx.Client | httpx.AsyncClient, url: str, body: bytes, headers: Mapping[str, str], timeout: float | None
) -> httpx.Request:
    import httpx

    limits = httpx.Timeout(timeout, connect=min(timeout or _SECONDS_TO_CONNECT, _SECONDS_TO_CONNECT))
    return pool.build_request("POST", http.own_address(url), content=body, headers=dict(headers), timeout=limits)


def _answer(response: httpx.Response, started: float) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, response.content, time.monotonic() - started)


def _failure(url: str, error: httpx.TransportError, timeout: float | None) -> UserError:
    import httpx

    from localmodel.errors import UserError

    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return UserError(reasons.TIMED_OUT, f"{url} did not answer within {timeout:g} s; raise the timeout")
    return http.unreachable(url, str(error) or type(error).__name__)
