"""One request to a server on this machine.

It uses urllib, because every command would wait 300 ms for the import of httpx, ten times as long. The SDK uses httpx,
to keep connections.
"""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from localmodel import reasons
from localmodel.errors import UserError

_JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """A response. `headers` has lower-case names; `seconds` is the time until the whole body had arrived."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def request(url: str, body: bytes | None = None, timeout: float | None = None, content_type: str = _JSON) -> Answer:
    """POST the body, or GET without one. `timeout` in seconds; None waits as long as the server does.

    Raises:
        UserError: Unreachable.
    """
    # Without the proxy of the user's shell, which does not serve this machine's own addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    message = urllib.request.Request(own_address(url), body, {"content-type": content_type})  # noqa: S310 (ours: http)
    started = time.monotonic()
    try:
        with opener.open(message, timeout=timeout) as answer:
            return _answer(answer.status, answer.headers.items(), answer.read(), started)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.headers.items(), error.read(), started)
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise unreachable(url, reason) from None


def own_address(url: str) -> str:
    """The URL with the address that servers listen on, because `localhost` may mean another one on this machine."""
    return url.replace("//localhost:", "//127.0.0.1:", 1)


def unreachable(url: str, reason: object) -> UserError:
    return UserError(reasons.UNREACHABLE, f"{url} does not answer: {reason}")


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes, started: float) -> Answer:
    return Answer(status, {k.lower(): v for k, v in headers}, body, time.monotonic() - started)
