"""One request to a server on this machine."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from localmodel.errors import UserError


@dataclass(frozen=True)
class Answer:
    """`headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def request(url: str, body: bytes | None = None, timeout: float | None = None) -> Answer:
    """POST the body as JSON, or GET without one. `timeout` in seconds; None waits as long as the server does.

    Raises:
        UserError: Unreachable.
    """
    # A proxy that the user's shell names is not for this machine's own addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    message = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 (ours: http)
    started = time.monotonic()
    try:
        with opener.open(message, timeout=timeout) as answer:
            return _answer(answer.status, answer.headers.items(), answer.read(), started)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.headers.items(), error.read(), started)
    except OSError as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UserError("Unreachable", f"{url} does not answer: {reason}") from None


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes, started: float) -> Answer:
    return Answer(status, {k.lower(): v for k, v in headers}, body, time.monotonic() - started)
