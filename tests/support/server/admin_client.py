"""Signs calls of the admin API as the operator does, makes bundles, and sends them over plain HTTP."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import tarfile
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HEADER = "X-Localmodel-Token"


class AdminReply(NamedTuple):
    """An answer of the admin API."""

    status: int
    json: Any


class AdminClient:
    """Calls one pod's admin port with a key of its own."""

    def __init__(self, port: int, pod: str, key: Ed25519PrivateKey | None = None) -> None:
        self.port = port
        self.pod = pod
        self.key = key or Ed25519PrivateKey.generate()

    def decision(self, owner: str, told: Mapping[str, Any], gate: bytes = b"", bundle: bytes = b"") -> dict[str, bytes]:
        """The files of the operator's ConfigMap; told is what the decision says, beside what is usual."""
        beside = {"gate": _digest(gate), "bundle": _digest(bundle)}
        text = json.dumps({"owner": owner, "revision": 0, "environment": "env", **beside, **told}).encode()
        return {"wanted.json": text, "wanted.sig": self.sign_decision(text), "gate.json": gate, "bundle.tar": bundle}

    def sign_decision(self, text: bytes, purpose: bytes = b"localmodel.dev/decision\n") -> bytes:
        """wanted.sig."""
        return base64.b64encode(self.key.sign(purpose + text))

    @property
    def public_key(self) -> str:
        """LOCALMODEL_ADMIN_KEY."""
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    def token(self, action: str, epoch: Any, content: str, body: bytes = b"", **others: Any) -> str:
        """A signed token; others take the place of what it says."""
        payload = {"action": action, "pod": self.pod, "epoch": epoch, "content": content}
        payload |= {"body": hashlib.sha256(body).hexdigest(), "expires": int(time.time()) + 60, **others}
        text = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
        return f"{_b64url(text)}.{_b64url(self.key.sign(text))}"

    def call(self, action: str, epoch: float = 0, content: str = "", body: bytes = b"", **others: Any) -> AdminReply:
        """One call, signed."""
        return self.send(action, self.token(action, epoch, content, body, **others), body)

    def send(self, action: str, token: str, body: bytes = b"") -> AdminReply:
        """One call with a token as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            method = "GET" if action == "state" else "POST"
            connection.request(method, f"/{action}", body or None, {HEADER: token})
            response = connection.getresponse()
            return AdminReply(response.status, json.loads(response.read()))
        finally:
            connection.close()

    def state(self) -> dict[str, Any]:
        """GET /state."""
        reply = self.call("state")
        assert reply.status == 200, reply
        return dict(reply.json)


def content_of(text: str) -> str:
    """Some digest that stands for a revision's content."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def bundle(description: Mapping[str, Any], files: Mapping[str, str | bytes], **named: Any) -> bytes:
    """A bundle: bundle.json with usual values where the description has none, files by their path in the tar.

    Of named, gate is the list for gate.json.
    """
    complete = {
        "revision": "2",
        "entry": "score.py",
        "models": [],
        "variables": {},
        "environment": "env",
        **description,
    }
    content: dict[str, str | bytes] = {"bundle.json": json.dumps(complete), **files}
    if "gate" in named:
        content["gate.json"] = json.dumps(named["gate"])
    return tar(content)


def tar(files: Mapping[str, str | bytes]) -> bytes:
    """A tar of files by path."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            data = text.encode() if isinstance(text, str) else text
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return target.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}" if content else ""


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
