"""Fetches models and source folders in the background, each once for a wish, in a process of its own (`fetch.py`)."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, cast

from localmodel import digests, reasons
from localmodel.disk import home, size
from localmodel.errors import UserError
from localmodel.reasons import Reason
from localmodel_operator.inputs.fetch import Request
from localmodel_operator.workqueue import Key

log = logging.getLogger(__name__)

_AT_ONCE = 4
_SHOW_EVERY = 5.0  # seconds, because each time is a write of the status
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 300.0  # seconds, after a failure that may pass
_REFUSED_FOR = 300.0  # seconds, after one that somebody has to mend
_LONGEST_SOURCE = 600.0  # seconds, because a server may send a byte now and then for ever
_PASSING = (reasons.ADDRESS_UNREACHABLE, reasons.REGISTRY_UNREACHABLE)
# What the readers need of the operator's environment: neither its credentials nor its home folder.
_PASSED_ON = (
    *("PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE"),
    *("HF_ENDPOINT", "MLFLOW_TRACKING_URI", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION"),
    *("AWS_DEFAULT_REGION",),
)

# What a shared store needs besides; `fetch.py` hides it from the readers.
_OF_A_SHARED_STORE = ("LOCALMODEL_STORE", "HOME", "DOCKER_CONFIG")

Shown = Callable[[int, int], None]
Run = Callable[[Request, Shown], Awaitable[int]]


class Fetching(Exception):
    """Something is being fetched, or will be again; its end brings the next pass. `detail` has figures."""

    def __init__(self, message: str, detail: str = "", again_after: float | None = None) -> None:
        super().__init__(message)
        self.detail, self.again_after = detail or message, again_after


@dataclass(frozen=True)
class Look:
    """What an address has led to when it was looked at last: 0 before the first look has ended.

    The next look is due in `again_after` seconds; None: one is under way, and its end brings the next pass. `problem`
    says why the last one has failed.
    """

    version: int
    again_after: float | None
    problem: str = ""


@dataclass
class _Fetch:
    task: asyncio.Task[None] | None = None
    shown: str = ""
    shown_at: float = 0.0
    waiting: dict[Key, Callable[[], None]] = field(default_factory=dict)

    def cancel(self) -> list[asyncio.Task[None]]:
        """End it; return the task that is ending."""
        if self.task is None:
            return []
        self.task.cancel()
        return [self.task]

    def tell(self) -> None:
        for done in self.waiting.values():
            done()


@dataclass(frozen=True)
class _Result:
    version: int
    since: float


@dataclass(frozen=True)
class _Failure:
    error: UserError
    until: float
    wait: float  # 0: somebody has to mend it


class Fetches:
    """Fetches by what is wanted. Their results are kept until the wish is another one."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._fetches: dict[str, _Fetch] = {}
        self._results: dict[str, _Result] = {}
        self._failures: dict[str, _Failure] = {}
        self._wanted: dict[Key, frozenset[str]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def want(self, owner: Key, wishes: Iterable[str] = ()) -> None:
        """Note what the resource `owner` waits for now; end fetches, and forget results, that nobody waits for."""
        self._wanted.pop(owner, None)
        if wanted := frozenset(wishes):
            self._wanted[owner] = wanted
        alive = frozenset[str]().union(*self._wanted.values())
        for wish, fetch in list(self._fetches.items()):
            fetch.waiting.pop(owner, None)
            if wish not in alive:
                fetch.cancel()
                del self._fetches[wish]
        for kept in (self._results, self._failures):
            for wish in [*kept]:
                if wish not in alive:
                    del kept[wish]

    def version(self, wish: str, request: Request, shown: str, owner: Key, done: Callable[[], None]) -> int:
        """The version that the wish has led to. A fetch is started if there is none; `done()` follows news of it.

        `shown` is the address as it may be seen.

        Raises:
            Fetching: it is under way, or is tried again.
            UserError: it has failed, and somebody has to mend it.
        """
        if wish in self._results:
            return self._results[wish].version
        now = time.monotonic()
        if (failure := self._failures.get(wish)) and now < failure.until:
            if failure.wait:
                raise Fetching(f"{failure.error}; it is tried again", again_after=failure.until - now)
            raise failure.error
        fetch = self._begin(wish, request, owner, done)
        message = f"{shown} is being fetched"
        raise Fetching(message, f"{message}{fetch.shown}")

    def look(self, wish: str, request: Request, interval: float, owner: Key, done: Callable[[], None]) -> Look:
        """What the wish has led to; another look is begun if the last one was `interval` seconds ago."""
        now, result, failure = time.monotonic(), self._results.get(wish), self._failures.get(wish)
        version, problem = result.version if result else 0, str(failure.error) if failure else ""
        due = max(result.since + interval if result else now, failure.until if failure else now)
        if now < due and wish not in self._fetches:
            return Look(version, due - now, problem)
        self._begin(wish, request, owner, done)
        return Look(version, None, problem)

    def forget(self, wish: str, version: int) -> None:
        """Forget that the wish has led to this version, which is gone."""
        if wish in self._results and self._results[wish].version == version:
            del self._results[wish]

    def _begin(self, wish: str, request: Request, owner: Key, done: Callable[[], None]) -> _Fetch:
        fetch = self._fetches.setdefault(wish, _Fetch())
        if fetch.task is None:
            fetch.task = asyncio.create_task(self._fetch(wish, request, fetch))
        fetch.waiting[owner] = done
        return fetch

    async def _fetch(self, wish: str, request: Request, fetch: _Fetch) -> None:
        def show(done: int, total: int) -> None:
            if (now := time.monotonic()) >= fetch.shown_at + _SHOW_EVERY:
                fetch.shown, fetch.shown_at = f": {size.words(done)} of {size.words(total)}", now
                fetch.tell()

        try:
            async with self._slots:
                version = await self._run(request, show)
            self._results[wish] = _Result(version, time.monotonic())
            self._failures.pop(wish, None)
        except UserError as error:
            log.info("%s: %s: %s", request.name, error.reason, error)
            self._fail(wish, error)
        except Exception as error:
            log.exception("%s", request.name)
            self._fail(wish, UserError(reasons.ADDRESS_UNREACHABLE, f"the fetch failed: {type(error).__name__}"))
        del self._fetches[wish]
        fetch.tell()

    def _fail(self, wish: str, error: UserError) -> None:
        before = self._failures.get(wish)
        wait = 0.0
        if error.reason in _PASSING:
            wait = min(2 * before.wait, _LONGEST_WAIT) if before and before.wait else _FIRST_WAIT
        self._failures[wish] = _Failure(error, time.monotonic() + (wait or _REFUSED_FOR), wait)

    def stop(self) -> list[asyncio.Task[None]]:
        """End every fetch; return the tasks that are ending."""
        return [task for fetch in self._fetches.values() for task in fetch.cancel()]


def wish_of(generation: tuple[str, int], request: Request, secret: tuple[str, ...]) -> str:
    """What makes two wishes one: the resource and its generation, what it asks for, and the version of its Secret."""
    asked = asdict(request)
    del asked["credentials"]
    return digests.of_json([*generation, asked, *secret])


async def in_a_process(request: Request, show: Shown) -> int:
    """Run `fetch.py`, and end it if this is cancelled.

    Raises:
        UserError: it has failed.
    """
    with tempfile.TemporaryDirectory(prefix="localmodel-") as folder:
        return await _in_a_process(request, show, folder)


async def _in_a_process(request: Request, show: Shown, folder: str) -> int:
    passed_on = (*_PASSED_ON, *(_OF_A_SHARED_STORE if home.shared_store() else ()))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "localmodel_operator.inputs.fetch", folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # a traceback may have credentials
        env={name: os.environ[name] for name in passed_on if name in os.environ},
    )
    answer = dict[str, Any]()
    wish, answers = cast(asyncio.StreamWriter, child.stdin), cast(asyncio.StreamReader, child.stdout)
    try:
        with contextlib.suppress(ConnectionError):
            wish.write(json.dumps(asdict(request)).encode())
            await wish.drain()
        wish.close()
        async with asyncio.timeout(_LONGEST_SOURCE if request.entry else None):
            async for line in answers:
                answer = json.loads(line)
                if "done" in answer:
                    show(answer["done"], answer["total"])
    except TimeoutError:
        answer = {
            "reason": reasons.ADDRESS_UNREACHABLE,
            "message": f"it did not come within {_LONGEST_SOURCE:.0f} seconds",
        }
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        await child.wait()
    if "reason" in answer:
        raise UserError(Reason(answer["reason"]), answer["message"])
    if "version" not in answer:
        raise UserError(reasons.ADDRESS_UNREACHABLE, "the fetch ended without a result")
    return int(answer["version"])
