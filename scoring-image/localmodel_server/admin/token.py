"""Who may call the admin port: tokens that the operator signs for one pod, one action and one decision.

The pod holds the public key only, because user code runs under the same user and could read a secret.
"""

from __future__ import annotations

import base64
from typing import NamedTuple

from localmodel_server.admin.signature import is_signed
from localmodel_server.checked_json import Fields
from localmodel_untrusted.files import UnreadableError

HEADER = "x-localmodel-token"
# How far a node's clock may be from the operator's.
_SECONDS_OF_SKEW = 300


class ForbiddenError(Exception):
    """The call is not one of the operator's; the text says what is wrong with its token."""


class Claims(NamedTuple):
    """What a token allows. content is the revision's digest; body the SHA-256 of the request's body in hex."""

    epoch: int
    content: str
    body: str


def read_token(text: str, key: bytes, pod: str, action: str, now: float) -> Claims:
    """Check a token against the operator's public key (32 bytes), this pod's uid, and the time in Unix seconds.

    The first call imports cryptography, which takes some 50 ms.

    Raises:
        ForbiddenError
    """
    payload, signature = _parts(text)
    if not is_signed(key, signature, payload):
        raise ForbiddenError("the token is not signed with the operator's key (LOCALMODEL_ADMIN_KEY)")
    try:
        fields = Fields(payload)
        claims = Claims(fields.whole_number("epoch"), fields.text("content"), fields.text("body"))
        named = (fields.text("action"), fields.text("pod"))
        expires = fields.whole_number("expires")
    except UnreadableError as error:
        raise ForbiddenError(f"the token cannot be read: {error}") from error
    if named != (action, pod):
        raise ForbiddenError(f"the token is for {named[0]} of the pod {named[1]}, not for {action} of {pod}")
    if expires + _SECONDS_OF_SKEW < now:
        raise ForbiddenError(f"the token expired {now - expires:.0f} s ago by this node's clock")
    return claims


def _parts(text: str) -> tuple[bytes, bytes]:
    parts = text.split(".")
    if len(parts) != 2:
        raise ForbiddenError(f"{HEADER} is missing or is not PAYLOAD.SIGNATURE" if text else f"{HEADER} is missing")
    try:
        payload, signature = (base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True) for part in parts)
    except ValueError as error:
        raise ForbiddenError(f"{HEADER} is not base64url: {error}") from error
    return payload, signature
