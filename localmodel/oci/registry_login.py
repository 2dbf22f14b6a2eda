"""Who asks a registry: Docker's credentials, and the token that the registry wants for them (distribution-spec, auth).

Docker's configuration and its credential helpers are read by oras. The exchange is our own, because oras' has no limit
of time or size, and knows no identity tokens.
"""

import base64
import binascii
import copy
import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import parse_http_list, parse_keqv_list

import oras.auth  # type: ignore[import-untyped]
import oras.container  # type: ignore[import-untyped]
import requests

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.oci.responses import TooMuchError, read
from localmodel_untrusted import json_text

# Docker's own registry has its credentials under a name from before.
DOCKER, _DOCKER_LOGIN = "docker.io", "https://index.docker.io/v1/"
_TIMEOUT = (10, 30)  # seconds: to connect, and between two pieces
_LARGEST = 1 << 20
_IDENTITY = "<token>"  # the user's name, where a credential helper has an identity token


class Login:
    """The credentials for one registry."""

    def __init__(self, place: oras.container.Container, session: requests.Session, plain: bool) -> None:
        """Read Docker's configuration.

        Raises:
            UserError: RegistryRefused, if it cannot be read.
        """
        self._host, self._session, self._plain = str(place.registry), session, plain
        try:
            self._basic, self._identity = _stored(place, session)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(
                reasons.REGISTRY_REFUSED, f"Docker's credentials for {self._host} cannot be read: {error}"
            ) from None

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
            raise self._refused("asks for credentials in a way that is not known here")
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
                raise self._refused("has a server of tokens that answers with something else") from None
        return token if isinstance(token, str) and token.isascii() and token.isprintable() else ""

    def _refused(self, why: str) -> UserError:
        return UserError(reasons.REGISTRY_REFUSED, f"{self._host} {why}")


def _stored(place: oras.container.Container, session: requests.Session) -> tuple[str, str]:
    """User and password as Basic credentials, and an identity token; "" where there is none."""
    name = copy.copy(place)
    if name.registry == DOCKER:
        name.registry = _DOCKER_LOGIN
    backend = oras.auth.get_auth_backend("token", session, False)
    docker = Path(os.environ.get("DOCKER_CONFIG", "")) / "config.json"  # oras reads only the default place
    backend.load_configs(name, [str(docker)] if os.environ.get("DOCKER_CONFIG") else None)
    basic = str(getattr(backend, "_basic_auth", "") or "")
    entry = (backend._auth_config.get("auths") or {}).get(name.registry) or {}
    identity = str(entry.get("identitytoken") or "")
    try:
        user, _, password = base64.b64decode(basic, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("they are not base64 of USER:PASSWORD") from None
    return ("", password) if user == _IDENTITY else (basic, identity)
