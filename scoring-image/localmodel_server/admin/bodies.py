"""The bodies of calls that are JSON.

That of /trial says how a candidate is tried on clients' requests; without one it is not tried any more.

=========  ==========================================================================================
`role`     `canary`: it answers its share; `shadow`: it gets copies, and its answers go to nobody
`percent`  its share of the requests, from 0 to 100
`sticky`   a canary's: the header whose value names the client, or ""
`force`    a canary's: the header with which a request says `candidate` or `serving`, or ""
=========  ==========================================================================================
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter

from starlette.types import Receive, Scope

from localmodel_server.admin.errors import RefusedError
from localmodel_server.checked_json import Fields
from localmodel_server.life.beside import Trial
from localmodel_server.messages.asgi import BodyTooLargeError, read_body
from localmodel_server.messages.body_budget import BodyBudget
from localmodel_server.replay import answered
from localmodel_untrusted.files import UnreadableError

_MOST_BYTES = 4096
_MOST_ASKED = 1000
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")


async def receive_trial(scope: Scope, receive: Receive, digest: str) -> Trial | None:
    """Read the body, whose SHA-256 in hex was signed.

    Raises:
        RefusedError
        ClientGoneError
    """
    body = await _receive(scope, receive, digest, _MOST_BYTES)
    try:
        return read_trial(body) if body else None
    except UnreadableError as error:
        raise RefusedError(400, "BadTrial", str(error)) from None


async def receive_last(scope: Scope, receive: Receive, digest: str) -> int:
    """Read the body of /answered, whose SHA-256 in hex was signed. Raises the errors of `receive_trial()`."""
    body = await _receive(scope, receive, digest, _MOST_BYTES)
    try:
        return int(Fields(body).number("last", _MOST_ASKED))
    except UnreadableError as error:
        raise RefusedError(400, "BadReplay", str(error)) from None


async def receive_answered(scope: Scope, receive: Receive, digest: str) -> tuple[list[answered.Answered], Counter[str]]:
    """Read the body of /replay, whose SHA-256 in hex was signed. Raises the errors of `receive_trial()`."""
    body = await _receive(scope, receive, digest, answered.MOST_BYTES)
    try:
        return await asyncio.to_thread(answered.read, body)
    except UnreadableError as error:
        raise RefusedError(400, "BadReplay", str(error)) from None


async def _receive(scope: Scope, receive: Receive, digest: str, limit: int) -> bytes:
    try:
        with BodyBudget(lambda: limit).hold() as held:
            body = await read_body(receive, scope, limit, held)
    except BodyTooLargeError:
        raise RefusedError(413, "TooLarge", f"the body is larger than {limit} bytes") from None
    received = hashlib.sha256(body).hexdigest()
    if received != (digest or hashlib.sha256().hexdigest()):
        raise RefusedError(400, "BadBody", f"the body's SHA-256 is {received}, and {digest} was signed")
    return bytes(body)


def read_trial(body: bytes) -> Trial:
    """Read the JSON of a trial.

    Raises:
        UnreadableError
    """
    fields = Fields(body)
    role = fields.text("role")
    if role not in ("canary", "shadow"):
        raise UnreadableError(f"role: {role!a} is not canary or shadow")
    percent = fields.number("percent", 100)
    if role == "shadow":
        return Trial(role, percent)
    return Trial(role, percent, _header(fields, "sticky"), _header(fields, "force"))


def _header(fields: Fields, name: str) -> str | None:
    header = fields.text(name).lower()
    if header and not _HEADER_NAME.fullmatch(header):
        raise UnreadableError(f"{name}: {header!a} is not a valid name of a header")
    return header or None
