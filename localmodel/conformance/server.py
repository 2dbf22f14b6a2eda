"""The server under examination, one request at a time, each on a connection of its own."""

import gzip
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from localmodel.errors import UserError

_SECONDS = 60


class Wrong(Exception):
    """The server did something else than the protocol says; the text tells both."""


class NoAnswer(Wrong):
    """The server did not answer at all."""


class Reply(NamedTuple):
    """An answer; request is the method and path, header names are in lower case."""

    request: str
    status: int
    headers: dict[str, str]
    body: bytes

    def expect(self, *statuses: int) -> "Reply":
        """This reply; raises Wrong when it has none of the statuses."""
        if self.status not in statuses:
            wanted = " or ".join(map(str, statuses))
            raise Wrong(f"{self.request}: expected status {wanted}, got {self.status}{self._excerpt()}")
        return self

    def json(self) -> Any:
        """The body; raises Wrong when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Wrong(f"{self.request}: expected JSON, got{self._excerpt() or ' nothing'}") from None

    def object(self) -> dict[str, Any]:
        """The body; raises Wrong when it is not a JSON object."""
        content = self.json()
        if not isinstance(content, dict):
            raise Wrong(f"{self.request}: expected a JSON object, got{self._excerpt()}")
        return content

    def expect_key(self, key: str, value: Any) -> None:
        """Raise Wrong unless the body is an object with this value."""
        found = self.object().get(key)
        if found != value:
            raise Wrong(f"{self.request}: expected {key} to be {json.dumps(value)}, got {json.dumps(found)}")

    def expect_error(self, key: str) -> str:
        """The text of an error under the key that the protocol has for it; raises Wrong when it is not there."""
        text = self.object().get(key)
        if self.status < 400 or not isinstance(text, str) or not text:
            raise Wrong(
                f"{self.request}: expected an error with a text under {key}, got {self.status}{self._excerpt()}"
            )
        return text

    def _excerpt(self) -> str:
        characters = self.body[:200].decode(errors="replace")
        text = " ".join("".join(each if each.isprintable() else " " for each in characters).split())
        return f": {text}" if text else ""


class Server:
    """A scoring server at an address like ``http://localhost:5001``, which may have a path."""

    def __init__(self, url: str) -> None:
        """Raises UserError for what is not an address; does not connect."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise UserError("BadURL", f"{url} is not the address of a server: give one like http://localhost:5001")
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, port
        self._path = parts.path.rstrip("/")

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
        """Ask; raises NoAnswer."""
        connection = self.connect()
        request = f"{method} {path}"
        try:
            # An answer before the end of the request closes the connection, and can be read all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._path + path, body, dict(headers or {}))
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Reply(request, response.status, told, response.read())
        except (OSError, HTTPException) as error:
            raise NoAnswer(f"{request}: no answer: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def connect(self) -> HTTPConnection:
        """A connection that is not open yet; the caller closes it."""
        return self._connection(self._host, self._port, timeout=_SECONDS)

    def leave_early(self, path: str, length: int) -> None:
        """Say that length bytes will come, send half of them and close the connection; raises Wrong."""
        connection = self.connect()
        try:
            connection.putrequest("POST", self._path + path)
            connection.putheader("content-type", "application/json")
            connection.putheader("content-length", str(length))
            connection.endheaders(b" " * (length // 2))
        except OSError as error:
            raise Wrong(f"POST {path}: cannot send: {error}") from error
        finally:
            connection.close()
