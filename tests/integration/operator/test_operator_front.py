"""What an Ingress or a Gateway leads to is asked where its controller is, under the name and path that users call."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.lmd_command import free_port

from localmodel_operator.pods import address
from localmodel_operator.pods.address import Front

HOST, PATH = "ml.example", "/team/digits"


@contextmanager
def controller(context: ssl.SSLContext | None = None, asked: list[str] | None = None) -> Iterator[str]:
    """A server that leads to revision 4 from HOST and PATH alone, and notes what is asked; yields where it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            name = self.headers["Host"].partition(":")[0]
            is_led = (name, self.path) == (HOST, f"{PATH}/readyz")
            self.send_response(200 if is_led else 404)
            if is_led:
                self.send_header("x-localmodel-revision", "4")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def front(at: str, host: str = HOST, path: str = PATH) -> Front:
    return Front(f"{at.partition('://')[0]}://{host}{path}", at)


async def test_it_is_asked_under_the_name_and_the_path_of_its_users() -> None:
    with controller() as at:
        assert await address.problem(front(at), 4, 1) == ""
        assert await address.revision_at(front(at)) == "4"
        for elsewhere in (front(at, host="other.example"), front(at, path="/team"), front(at, path="")):
            assert await address.revision_at(elsewhere) == ""
            said = await address.problem(elsewhere, 4, 1)
            assert said.startswith("something else than this deployment answers at http://"), said


async def test_a_controller_that_leads_elsewhere_is_asked_no_more_than_once_at_a_time() -> None:
    asked = list[str]()
    with controller(asked=asked) as at:
        assert await address.problem(front(at, path="/team"), 4, 3)
        assert asked == ["/team/readyz"], "many others are served by it"


async def test_a_controller_that_ends_tls_is_told_the_name(tmp_path: Path) -> None:
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[str | None]()
    context.load_cert_chain(certificate(tmp_path))
    context.sni_callback = lambda _, name, __: names.append(name)
    with controller(context) as at:
        assert await address.problem(front(at), 4, 1) == ""
        assert await address.revision_at(front(at)) == "4"
    assert set(names) == {HOST}


async def test_whether_a_connection_comes_there() -> None:
    with controller() as at:
        assert await address.is_reached(front(at))
    nobody = free_port()
    assert not await address.is_reached(front(f"http://127.0.0.1:{nobody}")), "it may be another machine's localhost"
    assert not await address.is_reached(front("http://controller.invalid")), "nobody knows the name"
    assert await address.is_reached(front(f"http://127.0.0.2:{nobody}")), "a refused connection has come there"


def certificate(folder: Path) -> Path:
    """A file with a key and a certificate for it that nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    own = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(own + made.public_bytes(pem))
    return path
