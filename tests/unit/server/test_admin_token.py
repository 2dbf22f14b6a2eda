"""Which tokens let a call in."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.server.admin_client import AdminClient

from localmodel_server.admin.token import Claims, ForbiddenError, read_token

CLIENT = AdminClient(0, "pod-1")
KEY = base64.b64decode(CLIENT.public_key)
NOW = time.time()


def read(text: str, pod: str = "pod-1", action: str = "commit", now: float = NOW) -> Claims:
    return read_token(text, KEY, pod, action, now)


def signed_text(payload: bytes) -> str:
    return ".".join(base64.urlsafe_b64encode(part).decode() for part in (payload, CLIENT.key.sign(payload)))


def signed(**others: Any) -> str:
    return CLIENT.token("commit", 7, "sha256:ab", **others)


def test_a_token_of_the_operators_for_this_call() -> None:
    nothing = hashlib.sha256().hexdigest()
    assert read(signed()) == Claims(7, "sha256:ab", nothing)


def test_padding_makes_no_difference() -> None:
    payload, signature = signed().split(".")
    assert read(f"{payload + '=' * (-len(payload) % 4)}.{signature + '=' * (-len(signature) % 4)}").epoch == 7


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "missing"),
        ("abc", "PAYLOAD.SIGNATURE"),
        ("a.b.c", "PAYLOAD.SIGNATURE"),
        ("!!.$$", "base64url"),
        ("YQ.YQ", "not signed"),
        (".", "not signed"),
        (signed(pod="pod-2"), "for commit of the pod pod-2"),
        (CLIENT.token("abort", 7, "sha256:ab"), "for abort of the pod pod-1"),
        (CLIENT.token("commit", "x", ""), "epoch: expected a whole number"),
        (CLIENT.token("commit", float("inf"), ""), "Infinity is not JSON"),
        (CLIENT.token("commit", float("nan"), ""), "NaN is not JSON"),
        (CLIENT.token("commit", True, ""), "epoch: expected a whole number"),
        (CLIENT.token("commit", -1, ""), "epoch: expected a whole number"),
        (CLIENT.token("commit", 2**53 + 1, ""), "epoch: expected a whole number"),
        (CLIENT.token("commit", 7.0, ""), "epoch: expected a whole number"),
        (CLIENT.token("commit", 7, ["sha256:ab"]), "content: expected a string"),
        (signed(expires=None), "expires: expected a whole number"),
        (signed_text(b'{"epoch": 1e400}'), "too large"),
        (signed_text(b"[" * 200_000), "nested too deeply"),
        (signed_text(b"\xff"), "not text in UTF-8"),
        (signed_text(b"{}"), "is missing"),
        (signed_text(b"[1]"), "expected an object"),
        (signed_text(b"localmodel.dev/decision\n{}"), "not JSON"),
        (AdminClient(0, "pod-1").token("commit", 7, "sha256:ab"), "not signed"),
    ],
    ids=map(str, itertools.count()),  # a token is another one in every process
)
def test_every_other_one_is_refused(text: str, told: str) -> None:
    with pytest.raises(ForbiddenError, match=told):
        read(text)


def test_a_changed_payload_is_refused() -> None:
    _, signature = signed().split(".")
    changed = json.dumps({"action": "commit", "pod": "pod-1", "epoch": 8}).encode()
    with pytest.raises(ForbiddenError, match="not signed"):
        read(f"{base64.urlsafe_b64encode(changed).decode()}.{signature}")


def test_clocks_may_be_five_minutes_apart() -> None:
    text = signed(expires=int(NOW) - 298)
    assert read(text).epoch == 7
    with pytest.raises(ForbiddenError, match="expired"):
        read(text, now=NOW + 4)


def test_a_key_that_is_none_lets_nobody_in() -> None:
    key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(ForbiddenError, match="not signed"):
        read_token(signed(), key, "pod-1", "commit", NOW)
