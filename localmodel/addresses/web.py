"""Files from web servers: https://, and http:// where nobody can change them on their way."""

import email.utils
import re
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import requests
import urllib3

from localmodel import reasons
from localmodel.addresses.address import Address
from localmodel.addresses.arrival import CHUNK, Arrival, ArrivingFile
from localmodel.errors import UserError
from localmodel.reasons import Reason

_TIMEOUT = (10, 60)  # seconds: to connect, and between two pieces
_MOST_REDIRECTS = 10
_ATTEMPTS = 4  # without a byte more than before
_LONGEST_WAIT = 60  # seconds, that a server may ask for
_BUSY = (408, 429, 500, 502, 503, 504)
OWN = ("localhost", "127.0.0.1", "::1")
# The shell's proxy does not serve this machine.
NO_PROXY: dict[str, Any] = {"http": None, "https": None, "all": None}
_PART = re.compile(r"bytes (?P<start>\d+)-\d+/(?P<total>\d+)")


def fetch(address: Address, arrival: Arrival) -> str:
    """Download the file; return its name."""
    name = address.file_name
    source = Source(address.text, address.shown, address.sha256, foreign=address.foreign)
    if address.foreign:
        source = replace(source, sign_in="spec.models[].credentials names a Secret with username and password")
    download(source, arrival, name, is_model=True)
    return name


@dataclass(frozen=True)
class Source:
    """A file on a web server.

    Attributes:
        url: where it is; it may contain a password or a signature.
        shown: the form of it for messages.
        sha256: the hex digits that it must have, or "".
        headers: headers for its own server, and for no other that it redirects to.
        sign_in: what somebody who is refused can do.
        foreign: whether what this machine serves without TLS is as good as what comes from elsewhere.
    """

    url: str
    shown: str
    sha256: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    sign_in: str = "put user and password into ~/.netrc"
    foreign: bool = False


def download(source: Source, arrival: Arrival, name: str, is_model: bool = False) -> None:
    """Write the file into the arrival, and go on where it was cut off. `is_model`: it is all that arrives.

    Raises:
        NotFetched: it is the whole model, and need not arrive.
        UserError: AddressInvalid, AddressNotFound, AddressRefused, AddressUnreachable, DigestMismatch, StoreFull.
    """
    with requests.Session() as session, arrival.file(name) as file:
        _Download(session, source, file, arrival if is_model else None).run()
        file.finish(source.sha256, source.shown)


class _Busy(Exception):
    """The server may answer later; `wait` is how long it wants to be left alone, in seconds, if it says so."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class _Download:
    def __init__(self, session: requests.Session, source: Source, file: ArrivingFile, model: Arrival | None) -> None:
        self._session, self._source, self._file, self._model = session, source, file, model
        self._etag, self._total = "", -1

    def run(self) -> None:
        if not self._may_be_asked(self._source.url):
            raise self._error(
                reasons.ADDRESS_INVALID,
                "others can change a file that comes over plain http: write https://, or add #sha256= and its digest",
            )
        most = failures = 0
        while True:
            try:
                self._once()
                return
            except _Busy as busy:
                failures = 0 if self._file.size > most else failures + 1
                most = max(most, self._file.size)
                if failures >= _ATTEMPTS:
                    raise self._error(reasons.ADDRESS_UNREACHABLE, f"{busy}, {failures} times") from None
                if busy.wait is not None and busy.wait > _LONGEST_WAIT:
                    raise self._error(
                        reasons.ADDRESS_REFUSED, f"{busy}, and wants to be asked again in {busy.wait:.0f} s"
                    ) from None
                time.sleep(min(2**failures / 4, 8) if busy.wait is None else busy.wait)

    def _once(self) -> None:
        """Ask for what is still missing, and write it."""
        try:
            with self._ask() as response:
                self._check(response)
                self._continue(response)
                while chunk := response.raw.read(CHUNK, decode_content=False):
                    self._file.write(chunk)
        except requests.exceptions.SSLError:
            raise self._error(
                reasons.ADDRESS_UNREACHABLE,
                "its certificate is not trusted here; REQUESTS_CA_BUNDLE names the file of your own CA",
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _Busy(self._cut() if self._file.size else f"no answer ({type(error).__name__})") from None
        except ValueError:  # of urlsplit()
            raise self._error(reasons.ADDRESS_REFUSED, "it redirects to what is no address") from None
        if 0 <= self._total != self._file.size:
            raise _Busy(self._cut())

    def _ask(self) -> requests.Response:
        """The answer, after redirects. Credentials stay with the server that they are for."""
        url, first = self._source.url, _origin(self._source.url)
        for _ in range(_MOST_REDIRECTS + 1):
            if not self._may_be_asked(url):
                raise self._error(reasons.ADDRESS_REFUSED, "it redirects to another place than one of https://")
            response = self._session.get(
                url,
                headers={"Accept-Encoding": "identity", **self._range()}
                | (self._source.headers if _origin(url) == first else {}),
                auth=self._auth() if _origin(url) == first else None,
                proxies=NO_PROXY if urlsplit(url).hostname in OWN else None,
                stream=True,
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
            if not response.is_redirect:
                return response
            response.close()
            url = urljoin(url, response.headers["Location"])
        raise self._error(reasons.ADDRESS_REFUSED, f"more than {_MOST_REDIRECTS} redirects")

    def _may_be_asked(self, url: str) -> bool:
        """Whether what comes from there is what the server has sent."""
        parts = urlsplit(url)
        return parts.scheme == "https" or (
            parts.scheme == "http"
            and (bool(self._source.sha256) or (parts.hostname in OWN and not self._source.foreign))
        )

    def _auth(self) -> Any:
        """The credentials in the address; None lets ~/.netrc decide, which must not replace the headers' own."""
        parts = urlsplit(self._source.url)
        if parts.username is not None:
            return unquote(parts.username), unquote(parts.password or "")
        return (lambda request: request) if self._source.headers else None

    def _range(self) -> dict[str, str]:
        """The headers that ask for no known file, or for the rest, if it is sure to be the rest of the same file."""
        if tags := self._known_tags():
            return {"If-None-Match": ", ".join(tags)}
        if not self._file.size or not self._etag:
            return {}
        return {"Range": f"bytes={self._file.size}-", "If-Range": self._etag}

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        if status in _BUSY:
            raise _Busy(f"the server is busy or in trouble (status {status})", _retry_after(response))
        if status in (404, 410):
            raise self._error(reasons.ADDRESS_NOT_FOUND, f"there is nothing (status {status})")
        if status in (401, 403, 407):
            raise self._error(
                reasons.ADDRESS_REFUSED,
                f"the server does not let you read it (status {status}): {self._source.sign_in}",
            )
        if status not in (200, 206, 304, 416):
            raise self._error(reasons.ADDRESS_REFUSED, f"the server answers with status {status}")
        page = response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html"
        if page and self._file.path.suffix not in (".html", ".htm"):
            raise self._error(
                reasons.ADDRESS_REFUSED,
                "a web page comes, and not a file: the address of the file itself is needed, or you have to log in",
            )

    def _continue(self, response: requests.Response) -> None:
        """Put the file where the answer's content goes on: at its end, or at its start if the whole comes again."""
        etag = response.headers.get("ETag", "")
        if response.status_code in (200, 304) and self._model:
            self._model.identify(self._known_as(etag) if response.status_code == 304 else _mark(response))
        if response.status_code == 200:
            if self._file.size:
                self._file.restart()
            self._etag = _strong(etag)
            length = response.headers.get("Content-Length", "")
            self._total = int(length) if length.isdecimal() else -1
            self._file.expect(self._total)
            return
        part = _PART.fullmatch(response.headers.get("Content-Range", ""))
        same = etag in ("", self._etag) and part and int(part["total"]) == self._total
        if not same or not part or int(part["start"]) != self._file.size:
            self._etag = ""
            raise _Busy("the server sends another part of the file than the one it is asked for")

    def _known_tags(self) -> list[str]:
        """The ETags of files that need not come, as long as nothing has."""
        known = self._model.known if self._model and not self._file.size else ()
        return sorted(mark for mark in known if mark.startswith('"'))

    def _known_as(self, etag: str) -> str:
        """Which of the known files the server still has. The answer should say so, and need not where there is one."""
        known = self._known_tags()
        return etag.removeprefix("W/") if len(known) != 1 else known[0]

    def _cut(self) -> str:
        total = f" of {self._total:,}" if self._total >= 0 else ""
        return f"the connection ended after {self._file.size:,}{total} bytes"

    def _error(self, reason: Reason, why: str) -> UserError:
        return UserError(reason, f"{self._source.shown}: {why}")


def _mark(response: requests.Response) -> str:
    """What the server calls the file: its ETag, or else when it was changed, unless that is only just over."""
    if etag := _strong(response.headers.get("ETag", "")):
        return etag
    changed, now = _time(response.headers.get("Last-Modified", "")), _time(response.headers.get("Date", ""))
    if changed is None or now is None or now - changed < timedelta(minutes=1):
        return ""
    return f"{changed.isoformat()} {response.headers.get('Content-Length', '')}"


def _time(text: str) -> datetime | None:
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _strong(etag: str) -> str:
    """The tag, if it stands for each byte of a file; otherwise ""."""
    return "" if etag.startswith("W/") else etag


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _retry_after(response: requests.Response) -> float | None:
    """The seconds that the server wants to be left alone, given as a number or as a time."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    if (until := _time(text)) is None:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
