"""The credentials that Docker's configuration has for a registry, or that one of Docker's credential helpers has.

Docker's SDK and oras read them, too, but wait for a helper that hangs, and oras logs what a failing helper prints,
which may be a secret.
"""

import base64
import binascii
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from localmodel_untrusted import json_text

T = TypeVar("T")

_PATIENCE = 30  # seconds that a helper may take, which may have to ask its user
_IDENTITY = "<token>"  # the user's name, where a helper has an identity token
_NONE = b"credentials not found"  # what a helper that has none prints first, on standard output


class HelperError(Exception):
    """A credential helper cannot be asked; the text says which, and what to do."""


@dataclass(frozen=True)
class Credentials:
    """What a registry is told.

    Attributes:
        basic: USER:PASSWORD in base64, or "".
        identity: an identity token, or "".
        trouble: why the helper gave none, if it should have; it holds nothing that the helper printed.
    """

    basic: str = ""
    identity: str = ""
    trouble: str = ""


def read(host: str, repository: str = "") -> Credentials:
    """The credentials for the registry of this name, such as `ghcr.io`, or for this part of it.

    Raises:
        HelperError: a helper does not end.
        OSError, ValueError, LookupError, TypeError, AttributeError: the configuration, or an answer, is damaged.
    """
    try:
        content = json_text.parse((_folder() / "config.json").read_bytes())
    except FileNotFoundError:
        return Credentials()
    names = [host, host.replace("localhost", "127.0.0.1"), host.replace("127.0.0.1", "localhost")]
    trouble = ""
    for name in dict.fromkeys(names):
        entry = _entry(content.get("auths") or {}, name, repository) or {}
        basic, identity = str(entry.get("auth") or ""), str(entry.get("identitytoken") or "")
        if basic or identity:
            _checked(basic)
            return Credentials(basic, identity)
        if helper := _entry(content.get("credHelpers") or {}, name) or content.get("credsStore"):
            answer = _asked(f"docker-credential-{helper}", name)
            if answer.basic or answer.identity:
                return answer
            trouble = trouble or answer.trouble
    return Credentials(trouble=trouble)


def _folder() -> Path:
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _entry(entries: Mapping[str, T], name: str, repository: str = "") -> T | None:
    """The entry of this name, or whose address has this host, such as `https://HOST/v1/`.

    That of a part of the registry with the repository, such as `HOST/team`, goes before: Podman writes those.
    """
    parts = repository.split("/") if repository else []
    for count in range(len(parts), -1, -1):
        key = "/".join((name, *parts[:count]))
        if key in entries:
            return entries[key]
    return next((entry for key, entry in entries.items() if _host(key) == _host(name)), None)


def _host(name: str) -> str:
    """The host of an address; any other name stays, because `HOST/team` is not all of the host."""
    scheme, separator, rest = name.partition("://")
    return rest.partition("/")[0] if separator and scheme in ("http", "https") else name.rstrip("/")


def _asked(program: str, name: str) -> Credentials:
    """What the helper has for this name."""
    by_hand = f"echo {name} | {program} get (where it works, this prints the password)"
    try:
        # a session of its own, so that all that the helper starts ends with it
        process = subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return Credentials(
            trouble=f"{program}, which Docker's configuration names, cannot be started: {error.strerror}"
        )
    with process:
        try:
            output, _ = process.communicate(name.encode(), timeout=_PATIENCE)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise HelperError(
                f"{program} has not answered for {_PATIENCE} seconds; see what it waits for: {by_hand}; or take it out "
                f"of {_folder() / 'config.json'}"
            ) from None
    if process.returncode != 0:
        failed = f"{program} ended with code {process.returncode}; see what it says: {by_hand}"
        return Credentials(trouble="" if output.startswith(_NONE) else failed)
    answer: Any = json_text.parse(output)
    user, secret = str(answer["Username"]), str(answer["Secret"])
    if user == _IDENTITY:
        return Credentials(identity=secret)
    return Credentials(base64.b64encode(f"{user}:{secret}".encode()).decode())


def _checked(basic: str) -> None:
    try:
        base64.b64decode(basic, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("they are not base64 of USER:PASSWORD") from None
