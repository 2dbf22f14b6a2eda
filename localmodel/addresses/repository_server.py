"""The server of one Git repository: no other, only so much of what it sends, and never a second try."""

import os
from base64 import b64encode
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from localmodel import reasons
from localmodel.addresses.web import NO_PROXY, OWN
from localmodel.errors import UserError
from localmodel.reasons import Reason

_TIMEOUT = (10, 60)  # seconds: to connect, and between two pieces
_MOST_REDIRECTS = 5
_MOST_REFS = 16 << 20
_KIND = "application/x-git-upload-pack-"
# The two requests of a fetch. What a server has elsewhere is not asked for.
_ENDINGS = {"GET": "/info/refs?service=git-upload-pack", "POST": "/git-upload-pack"}
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class RepositoryServer:
    """What a client of the library sends requests to, in the place of a pool of connections.

    `most`: how many bytes an answer may have.
    """

    def __init__(self, shown: str, login: tuple[str, str] | None, foreign: bool) -> None:
        self._shown, self._foreign = shown, foreign
        self._session = requests.Session()
        self.headers = dict[str, str]()
        self.most = _MOST_REFS
        # As Git encodes it; requests and the library would take Latin-1.
        self._authorization = "Basic " + b64encode(":".join(login).encode()).decode() if login else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._session.close()

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes | None = None, **_: Any) -> "_Answer":
        """The answer, after redirects to other places of the same server.

        Raises:
            UserError: AddressNotFound, AddressRefused, AddressUnreachable.
        """
        for _hop in range(_MOST_REDIRECTS + 1):
            if _origin(url) != _origin(self._shown) or not url.endswith(_ENDINGS[method]):
                raise self._error(reasons.ADDRESS_REFUSED, "the server sends the request to another place; name that")
            response = self._send(method, url, headers, body)
            if not response.is_redirect:
                self._check(response)
                return _Answer(response, url, self)
            response.close()
            url = urljoin(url, response.headers["Location"])
        raise self._error(reasons.ADDRESS_REFUSED, f"more than {_MOST_REDIRECTS} redirects")

    def unreachable(self, error: Exception) -> UserError:
        """The error that names the cause of one of the connection."""
        if isinstance(error, requests.exceptions.SSLError):
            why = f"its certificate is not trusted here; {_CERTIFICATES[0]} names the file of your own CA"
        elif isinstance(error, requests.exceptions.ProxyError):
            why = "the proxy does not let it through; HTTPS_PROXY names it, with user name and password if it asks"
        else:
            why = f"no Git server answers: {_cause(error)}"
        return self._error(reasons.ADDRESS_UNREACHABLE, why)

    def too_much(self) -> UserError:
        """The error that an answer is larger than it may be."""
        return self._error(reasons.SOURCE_TOO_LARGE, f"the server sends more than {self.most >> 20} MiB")

    def _send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> requests.Response:
        trusted = next((os.environ[name] for name in _CERTIFICATES if os.environ.get(name)), "")
        try:
            return self._session.request(
                method,
                url,
                headers={**headers, "Accept-Encoding": "identity"},
                data=body,
                auth=self._sign,
                proxies=NO_PROXY if urlsplit(url).hostname in OWN else None,
                verify=trusted or True,
                stream=True,
                timeout=_TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise self.unreachable(error) from None
        except OSError:  # which requests itself raises without the file
            raise self._error(reasons.ADDRESS_UNREACHABLE, f"there is no file of certificates {trusted}") from None
        except ValueError:  # of urlsplit()
            raise self._error(reasons.ADDRESS_REFUSED, "it redirects to what is no address") from None

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._authorization:
            request.headers["Authorization"] = self._authorization
        return request

    def _check(self, response: requests.Response) -> None:
        status, kind = response.status_code, response.headers.get("Content-Type", "")
        if status == 200 and kind.startswith(_KIND):
            return
        response.close()
        if status == 401:
            who = "spec.scoring.source.git.credentials names a Secret" if self._foreign else "put them into ~/.netrc"
            raise self._error(reasons.ADDRESS_REFUSED, f"the server asks for user name and password: {who}")
        if status in (403, 407):
            raise self._error(reasons.ADDRESS_REFUSED, f"the server does not let you read it (status {status})")
        if status in (404, 410):
            raise self._error(reasons.ADDRESS_NOT_FOUND, "there is no Git repository")
        if status != 200:
            raise self._error(reasons.ADDRESS_UNREACHABLE, f"the server answers with status {status}")
        raise self._error(
            reasons.ADDRESS_NOT_FOUND, "a web page or a file comes, and no Git repository: name what git clones"
        )

    def _error(self, reason: Reason, why: str) -> UserError:
        return UserError(reason, f"{self._shown}: {why}")


class _Answer:
    """What the library needs of an answer, of which so many bytes are read as the server may send."""

    def __init__(self, response: requests.Response, url: str, server: RepositoryServer) -> None:
        self.status, self.headers, self.geturl, self.close = 200, response.headers, lambda: url, response.close
        self._response, self._server, self._size = response, server, 0

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._response.raw.read(size)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._server.unreachable(error) from None
        self._size += len(data)
        if self._size > self._server.most:
            raise self._server.too_much()
        return data


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _cause(error: BaseException) -> str:
    """What lies below an error, which may name the whole address itself."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return getattr(error, "strerror", None) or type(error).__name__
