"""The addresses of Google's and Azure's storage on this machine: a proxy that leads to servers of buckets.

It speaks TLS as the hosts that it is asked for, and lets nobody read Google's buckets without a token. A token is for
who signs for it with the key of the service account.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.client
import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

GOOGLE, TOKENS, AZURE = "storage.googleapis.com", "oauth2.googleapis.com", "devstoreaccount1.blob.core.windows.net"


@dataclass
class Front:
    """`url` is of the proxy, `certificate` the file of whom its clients trust.

    `account` is the JSON key of Google's service account. `asked` are hosts and paths that were asked for.
    """

    url: str
    certificate: Path
    account: str
    tokens: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serving(folder: Path, google: int, azure: int) -> Iterator[Front]:
    """A front of two servers of buckets, by their ports."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    (folder / "key.pem").write_text(text)
    certificate = folder / "certificate.pem"
    certificate.write_bytes(_certificate(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "key.pem")
    account = {
        "type": "service_account",
        "client_email": "reader@project.iam.gserviceaccount.com",
        "private_key": text,
        "token_uri": f"https://{TOKENS}/token",
    }
    front = Front("", certificate, json.dumps(account))

    class Handler(_Handler):
        pass

    Handler.front, Handler.context, Handler.key = front, context, key.public_key()
    Handler.ports = {GOOGLE: google, AZURE: azure}
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        front.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield front
        server.shutdown()


def _certificate(key: rsa.RSAPrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "clouds of this machine")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in (GOOGLE, TOKENS, AZURE)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front: Front
    context: ssl.SSLContext
    key: rsa.RSAPublicKey
    ports: dict[str, int]
    host = ""

    def do_CONNECT(self) -> None:
        self.host = self.path.partition(":")[0]
        self.send_response(200)
        self.end_headers()
        self.close_connection = False  # also where the client speaks HTTP/1.0 to a proxy
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_GET

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.front.asked.append(f"{self.host}{self.path}")
        if self.host == TOKENS:
            self._token(body)
        elif self.host == GOOGLE and self.headers.get("Authorization", "")[len("Bearer ") :] not in self.front.tokens:
            self._send(401, {}, b'{"error": {"code": 401, "message": "Invalid Credentials"}}')
        else:
            with contextlib.closing(
                http.client.HTTPConnection("127.0.0.1", self.ports[self.host], timeout=60)
            ) as connection:
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                self._send(answer.status, dict(answer.headers), answer.read())

    def _token(self, body: bytes) -> None:
        signed, _, signature = parse_qs(body.decode())["assertion"][0].rpartition(".")
        try:
            self.key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            self._send(400, {}, b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}')
            return
        self.front.tokens.append(secrets.token_urlsafe())
        content = {"access_token": self.front.tokens[-1], "expires_in": 3600, "token_type": "Bearer"}
        self._send(200, {}, json.dumps(content).encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | headers).items():
            if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                self.send_header(name, value)
        length = headers.get("content-length", headers.get("Content-Length", "")) if self.command == "HEAD" else ""
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
