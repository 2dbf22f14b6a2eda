"""A repository of an OCI registry (distribution-spec): sends and receives blobs and manifests in bounded memory.

Names are oras'. The requests are our own, because oras silently repeats a failed one for minutes, and holds a whole
blob in memory to send it.
"""

import io
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode, urljoin, urlsplit

import oras.container  # type: ignore[import-untyped]
import requests
from urllib3.exceptions import LocationParseError

from localmodel import digests, reasons
from localmodel.errors import UserError
from localmodel.oci.layout import Blob
from localmodel.oci.media_types import MANIFEST
from localmodel.oci.registry_login import DOCKER, Login
from localmodel.oci.responses import TooMuchError, pieces, read
from localmodel.output.printable import one_line
from localmodel_untrusted import json_text

_CHUNK = 1 << 20
# Seconds to connect, and between two pieces: a registry may take its time with what it was sent.
_TIMEOUT, _TIMEOUT_OF_READING = (10, 300), (10, 60)
_LIMIT = 4 << 20  # bytes of a manifest, as registries limit it, and of any other answer that is not a blob
_MOST_TAGS, _MOST_PAGES = 1_000_000, 10_000  # of tags, where a page may hold none
_LONGEST_REASON = 300  # characters
_DOCKER_HOST = "registry-1.docker.io"  # where Docker's registry answers
Tell = Callable[[int], None]  # gets the size of every piece that was transferred


class RegistryError(UserError):
    """A registry refuses.

    Attributes:
        codes: what the registry calls the causes, such as `MANIFEST_UNKNOWN` (distribution-spec, error codes).
    """

    def __init__(self, message: str, codes: Collection[str] = ()) -> None:
        super().__init__(reasons.REGISTRY_REFUSED, message)
        self.codes = frozenset(codes)


class Repository:
    """The repository that `host/repository:tag` names, by plain HTTP on this machine or if `insecure`.

    Every method may raise a `UserError`: RegistryUnreachable, RegistryRefused.
    """

    def __init__(self, reference: str, insecure: bool) -> None:
        """Open a connection.

        Raises:
            UserError: ReferenceInvalid; RegistryRefused, if Docker's credentials cannot be read.
        """
        try:
            self._place = oras.container.Container(reference)
        except ValueError:
            raise _invalid(reference) from None
        if not reference.startswith(f"{self._place.registry}/") or f":{self._place.tag}" not in reference:
            raise _invalid(reference)
        self.host, self.tag = str(self._place.registry), str(self._place.tag)
        own = self.host.rpartition(":")[0] in ("localhost", "127.0.0.1", "[::1]")
        plain = own or insecure
        host = _DOCKER_HOST if self.host == DOCKER else self.host
        self._base = f"{'http' if plain else 'https'}://{host}/v2/{self._place.api_prefix}/"
        self._session = _Session()
        self._session.trust_env = not own  # the shell's proxy does not serve this machine
        self._session.auth = _unchanged  # else requests would put what ~/.netrc has for the host in place of a token
        self._login = Login(self.host, self._place.api_prefix, self._session, plain)
        self._known: dict[str, str] = {}  # the header that was accepted last, so that a big body is sent only once

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def has(self, blob: Blob) -> bool:
        """Whether the repository holds the blob."""
        with self._ask("HEAD", f"blobs/{blob.digest}", fine=(200, 404)) as response:
            return response.status_code == 200

    def send(self, blob: Blob, content: "Path | bytes", tell: Tell) -> None:
        """Send a blob in pieces."""
        with self._ask("POST", "blobs/uploads/", fine=(202,)) as response:
            place = response.headers.get("Location", "")
        if not place:
            raise UserError(reasons.REGISTRY_REFUSED, f"{self.host} does not say where to send a blob")
        place += ("&" if "?" in place else "?") + urlencode({"digest": blob.digest})
        kind = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", place, fine=(201,), headers=kind, body=lambda: _Body(content, blob.size, tell)).close()

    def put(self, tag: str, manifest: bytes) -> None:
        """Let the tag name the manifest."""
        headers = {"Content-Type": MANIFEST}
        self._ask("PUT", f"manifests/{tag}", fine=(201,), headers=headers, body=lambda: manifest).close()

    def manifest(self, tag: str, kinds: Collection[str] = (MANIFEST,)) -> bytes | None:
        """The manifest that the tag or digest names, of one of these media types, or None.

        Raises:
            UserError: ContentDamaged, if it does not have the digest.
        """
        headers = {"Accept": ", ".join(kinds)}
        with self._ask("GET", f"manifests/{tag}", fine=(200, 404), headers=headers) as response:
            if response.status_code == 404:
                return None
            content = self._read(response)
        digest = tag if ":" in tag else response.headers.get("Docker-Content-Digest", "")
        if digest.startswith("sha256:") and digest != digests.of_bytes(content):
            raise UserError(reasons.CONTENT_DAMAGED, f"{self._place}: the manifest does not have the digest {digest}")
        return content

    def tags(self) -> list[str]:
        """The repository's tags; none where there is no repository yet.

        Raises:
            UserError: ArtifactUnsupported.
        """
        tags, page, pages = list[str](), "tags/list", set[str]()
        while page:
            if page in pages or len(pages) >= _MOST_PAGES:
                raise UserError(reasons.ARTIFACT_UNSUPPORTED, f"{self.host}: its list of tags does not end")
            pages.add(page)
            with self._ask("GET", page, fine=(200, 404)) as response:
                if response.status_code == 404:
                    return tags
                content = self._read(response)
                try:
                    tags += json_text.parse(content)["tags"] or []
                except (ValueError, KeyError, TypeError):
                    raise UserError(
                        reasons.ARTIFACT_UNSUPPORTED, f"{self.host}: the answer is not a valid list of tags"
                    ) from None
            if len(tags) > _MOST_TAGS:
                raise UserError(reasons.ARTIFACT_UNSUPPORTED, f"{self.host}: more than {_MOST_TAGS} tags")
            following = urlsplit(response.links.get("next", {}).get("url", ""))
            page = following._replace(scheme="", netloc="").geturl()  # another host gets no credentials
        return tags

    def receive(self, blob: Blob, tell: Tell) -> Iterator[bytes]:
        """The blob's content, in pieces."""
        with self._ask("GET", f"blobs/{blob.digest}", fine=(200,)) as response, self._translated():
            for piece in pieces(response):
                tell(len(piece))
                yield piece

    def _ask(
        self,
        method: str,
        path: str,
        *,
        fine: tuple[int, ...],
        headers: dict[str, str] | None = None,
        body: Callable[[], Any] = lambda: None,
    ) -> requests.Response:
        """Send a request, and repeat it with credentials and a new body if the registry asks for them.

        The caller reads and closes the response.
        """
        with self._translated():
            url = urljoin(self._base, path)
            response = self._send(method, url, headers, body())
            if response.status_code == 401 and self._is_own(response.url):
                response.close()
                self._known = self._login.headers(response.headers.get("Www-Authenticate", ""))
                response = self._send(method, url, headers, body())
        if response.status_code not in fine:
            with response:
                codes, why = self._causes(response)
                raise RegistryError(self._refusal(method, response, why), codes)
        return response

    def _refusal(self, method: str, response: requests.Response, why: str) -> str:
        status, host, path = response.status_code, self.host, self._place.api_prefix
        if not self._is_own(response.url):  # credentials for the registry would not help
            return f"{self._place}: {status} from {urlsplit(response.url).netloc}, to which {host} redirects"
        if status == 401:
            return f"{host} refuses {method} of {path}; {self._login.trouble or f'log in first: docker login {host}'}"
        if status == 403:
            what = "read" if method in ("GET", "HEAD") else "write into"
            login = f"log in as somebody who may: docker login {host}"
            return f"{host} does not let you {what} {path} ({why}); {login}"
        if status == 413:
            limit = "its limit, or a proxy's, has to be raised"
            return f"{host} does not accept content of this size ({why}); {limit}"
        return f"{self._place}: {status} {why}"

    def _send(self, method: str, url: str, headers: dict[str, str] | None, body: Any) -> requests.Response:
        sent = {**(self._known if self._is_own(url) else {}), **(headers or {})}
        timeout = _TIMEOUT if body else _TIMEOUT_OF_READING
        return self._session.request(method, url, data=body, headers=sent, stream=True, timeout=timeout)

    def _is_own(self, url: str) -> bool:
        """Whether the address is the registry's: others, where it keeps its blobs, get no credentials."""
        return urlsplit(url)[:2] == urlsplit(self._base)[:2]

    def _read(self, response: requests.Response) -> bytes:
        try:
            with self._translated():
                return read(response, _LIMIT)
        except TooMuchError:
            raise UserError(
                reasons.ARTIFACT_UNSUPPORTED, f"{self._place}: an answer of more than {_LIMIT} bytes"
            ) from None

    def _causes(self, response: requests.Response) -> tuple[list[str], str]:
        """The registry's own codes and message."""
        try:
            errors = json_text.parse(self._read(response))["errors"]
            codes = [str(error["code"]) for error in errors]
            message = ", ".join(f"{error['code']}: {error['message']}" for error in errors)
        except (UserError, ValueError, KeyError, TypeError):
            codes, message = [], str(response.reason)
        return codes, one_line(message[:_LONGEST_REASON])

    def _translated(self) -> "_Translated":
        return _Translated(self.host)


class _Translated:
    """Turns errors of the network into sentences."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, requests.exceptions.SSLError):
            hint = "does it speak plain HTTP (--insecure), or need a CA (REQUESTS_CA_BUNDLE)?"
            raise UserError(reasons.REGISTRY_UNREACHABLE, f"{self._host}: no TLS connection; {hint} {error}") from None
        if isinstance(error, requests.exceptions.RequestException):
            raise UserError(reasons.REGISTRY_UNREACHABLE, f"{self._host} does not answer: {_why(error)}") from None
        if isinstance(error, (UnicodeError, LocationParseError)) or type(error) is ValueError:
            # requests lets some through; their words may hold a header.
            raise UserError(reasons.REGISTRY_REFUSED, f"{self._host} leads to an address that is not valid") from None


def _why(error: BaseException) -> str:
    """The system's words for what is behind the error, if it has any."""
    if isinstance(error, requests.exceptions.InvalidHeader):
        return "the credentials have characters that cannot be sent"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return str(error)


class _Body:
    """A request's body that is read in pieces, with its length known before."""

    def __init__(self, content: "Path | bytes", size: int, tell: Tell) -> None:
        self._file = io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
        self._size, self._tell = size, tell

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(_CHUNK):
            yield chunk

    def read(self, size: int = _CHUNK) -> bytes:
        chunk = self._file.read(max(size, _CHUNK))  # it is read in small pieces, each of which would cost a system call
        self._tell(len(chunk))
        if not chunk:
            self._file.close()
        return chunk


class _Session(requests.Session):
    """A redirect may take credentials away, but adds none: requests would send those of ~/.netrc to the new host."""

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        is_elsewhere = self.should_strip_auth(  # type: ignore[no-untyped-call]
            response.request.url or "", prepared_request.url or ""
        )
        if is_elsewhere:
            prepared_request.headers.pop("Authorization", None)


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _invalid(reference: str) -> UserError:
    return UserError(
        reasons.REFERENCE_INVALID, f"{reference}: write HOST/REPOSITORY:TAG, such as localhost:5000/models/ridge:3"
    )
