"""Who asks a registry: Docker's credentials, and the token that the registry wants for them (distribution-spec, auth).

The exchange is our own, because oras' has no limit of time or size, and knows no identity tokens.
"""

from urllib.parse import urlsplit
from urllib.request import parse_http_list, parse_keqv_list

import requests

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.oci import docker_credentials
from localmodel.oci.docker_credentials import HelperError
from localmodel.oci.responses import TooMuchError, read
from localmodel_untrusted import json_text

# Docker's own registry has its credentials under a name from before.
DOCKER, _DOCKER_LOGIN = "docker.io", "https://index.docker.io/v1/"
_TIMEOUT = (10, 30)  # seconds: to connect, and between two pieces
_LARGEST = 1 << 20


class Login:
    """The credentials for a repository. `trouble` says why there are none, if there should be some."""

    def __init__(self, host: str, repository: str, session: requests.Session, plain: bool) -> None:
        """Read Docker's configuration.

        Raises:
            UserError: RegistryRefused, if it cannot be read, or a credential helper does not end.
        """
        self._host, self._session, self._plain = host, session, plain
        try:
            stored = docker_credentials.read(_DOCKER_LOGIN if host == DOCKER else host, repository)
        except HelperError as error:
            raise self._refused(f"needs credentials: {error}") from None
        except (OSError, ValueError) as error:
            raise self._unreadable(str(error)) from None
        except (LookupError, TypeError, AttributeError):
            raise self._unreadable("they are not as Docker writes them") from None
        self._basic, self._identity, self.trouble = stored.basic, stored.identity, stored.trouble

    def headers(self, challenge: str) -> dict[str, str]:
        """The headers that answer a `WWW-Authenticate` header.

        Raises:
            UserError: RegistryRefused.
            requests.RequestException: the server of tokens does not answer.
        """
        scheme, _, rest = challenge.partition(" ")
        if not scheme:
            return {}
        if scheme.lower() == "basic":
            return {"Authorization": f"Basic {self._basic}"} if self._basic else {}
        try:
            asked = parse_keqv_list(parse_http_list(rest))
            realm = urlsplit(asked.pop("realm"))
            is_known = scheme.lower() == "bearer" and realm.scheme in ("http", "https") and bool(realm.hostname)
        except (ValueError, KeyError):
            is_known = False
        if not is_known:
            raise self._refused("asks for credentials in a way that localmodel does not support")
        if realm.scheme == "http" and not self._plain and (self._basic or self._identity):
            raise self._refused("asks for credentials without TLS")
        token = self._token(realm.geturl(), {key: asked[key] for key in ("service", "scope") if key in asked})
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _token(self, realm: str, asked: dict[str, str]) -> str:
        if self._identity:
            form = {**asked, "grant_type": "refresh_token", "refresh_token": self._identity, "client_id": "localmodel"}
            response = self._session.post(realm, data=form, timeout=_TIMEOUT, stream=True, allow_redirects=False)
        else:
            basic = {"Authorization": f"Basic {self._basic}"} if self._basic else {}
            response = self._session.get(realm, params=asked, headers=basic, timeout=_TIMEOUT, stream=True)
        with response:
            if response.status_code != 200:
                return ""
            try:
                answer = json_text.parse(read(response, _LARGEST))
                token = answer.get("token") or answer.get("access_token")
            except (ValueError, AttributeError, TooMuchError):
                raise self._refused("has a token server whose answer is not valid") from None
        return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""

    def _refused(self, why: str) -> UserError:
        return UserError(reasons.REGISTRY_REFUSED, f"{self._host} {why}")

    def _unreadable(self, why: str) -> UserError:
        return UserError(reasons.REGISTRY_REFUSED, f"Docker's credentials for {self._host} cannot be read: {why}")
