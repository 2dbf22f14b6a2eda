"""The server that is checked, with one request at a time, each on a connection of its own."""

import gzip
import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx

from localmodel import reasons
from localmodel.errors import UserError

_SECONDS = 60


class WrongAnswerError(Exception):
    """The server did not follow the protocol; the text says what was expected and what came."""


class NoAnswerError(WrongAnswerError):
    """The server did not answer at all."""


class _LeftEarly(Exception):
    """Aborts a request in the middle of its body."""


class Reply(NamedTuple):
    """An answer. `request` is method and path; header names are in lower case."""

    request: str
    status: int
    headers: dict[str, str]
    body: bytes

    def expect(self, *statuses: int) -> "Reply":
        """This reply.

        Raises:
            WrongAnswerError: it has none of the statuses.
        """
        if self.status not in statuses:
            wanted = " or ".join(map(str, statuses))
            raise WrongAnswerError(f"{self.request}: expected status {wanted}, got {self.status}{self._excerpt()}")
        return self

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            WrongAnswerError: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError:
            raise WrongAnswerError(f"{self.request}: expected JSON, got{self._excerpt() or ' nothing'}") from None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            WrongAnswerError: it is not a JSON object.
        """
        content = self.json()
        if not isinstance(content, dict):
            raise WrongAnswerError(f"{self.request}: expected a JSON object, got{self._excerpt()}")
        return content

    def expect_key(self, key: str, value: Any) -> None:
        """Check that the body is an object with this value.

        Raises:
            WrongAnswerError: it is not.
        """
        actual = self.object().get(key)
        if actual != value:
            raise WrongAnswerError(
                f"{self.request}: expected {key} to be {json.dumps(value)}, got {json.dumps(actual)}"
            )

    def expect_error(self, key: str) -> str:
        """The text of an error under this key.

        Raises:
            WrongAnswerError: there is none.
        """
        text = self.object().get(key)
        if self.status < 400 or not isinstance(text, str) or not text:
            raise WrongAnswerError(
                f"{self.request}: expected an error with a text under {key}, got {self.status}{self._excerpt()}"
            )
        return text

    def predictions(self, error_key: str) -> str:
        """A remark on an answer with predictions, or with an error, because the values are made up.

        Raises:
            WrongAnswerError: it has neither.
        """
        if self.status != 200:
            return f"refused: {self.expect_error(error_key)}"[:200]
        if "predictions" not in self.object():
            raise WrongAnswerError(f"{self.request}: expected predictions in the answer, got {self.body[:200]!r}")
        return ""

    def _excerpt(self) -> str:
        characters = self.body[:200].decode(errors="replace")
        text = " ".join("".join(character if character.isprintable() else " " for character in characters).split())
        return f": {text}" if text else ""


class Server:
    """A scoring server at an address such as `http://localhost:5001`, which may have a path."""

    def __init__(self, url: str) -> None:
        """Take the address, without connecting.

        Raises:
            UserError: it is not an address.
        """
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL:
            address = httpx.URL()
        if address.scheme not in ("http", "https") or not address.host:
            raise UserError(
                reasons.URL_INVALID, f"{url} is not the address of a server: give one like http://localhost:5001"
            )
        self._url = str(address.copy_with(query=None, fragment=None)).rstrip("/")
        self._certificates = ssl.create_default_context()

    def get(self, path: str) -> Reply:
        return self.request("GET", path)

    def post(self, path: str, content: Any) -> Reply:
        """Send JSON."""
        return self.request("POST", path, json.dumps(content).encode(), {"content-type": "application/json"})

    def post_compressed(self, path: str, content: Any) -> Reply:
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        return self.request("POST", path, gzip.compress(json.dumps(content).encode()), headers)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request.

        Raises:
            NoAnswerError: the server does not answer.
        """
        request = f"{method} {path}"
        try:
            response = self._send(method, path, body, headers or {})
        except httpx.HTTPError as error:
            raise NoAnswerError(f"{request}: no answer: {error or type(error).__name__}") from error
        return Reply(request, response.status_code, dict(response.headers), response.content)

    def leave_early(self, path: str, length: int) -> None:
        """Announce `length` bytes, send half of them and close the connection.

        Raises:
            WrongAnswerError: the server answers before.
        """

        def half() -> Iterator[bytes]:
            yield b" " * (length // 2)
            raise _LeftEarly

        try:
            self._send("POST", path, half(), {"content-type": "application/json", "content-length": str(length)})
        except _LeftEarly:
            return
        except httpx.HTTPError as error:
            raise WrongAnswerError(f"POST {path}: cannot send: {error}") from error

    def _send(
        self, method: str, path: str, body: bytes | Iterable[bytes], headers: Mapping[str, str]
    ) -> httpx.Response:
        """Send on a new connection, without the shell's proxy.

        Raises:
            httpx.HTTPError: it failed.
        """
        plain = {"accept-encoding": "identity", **headers}
        with httpx.Client(trust_env=False, verify=self._certificates, timeout=_SECONDS) as client:
            return client.request(method, self._url + path, content=body, headers=plain)
