"""A registry that is made to break its client, or to get its user's password: one sentence, and nothing for others."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.oci import registry, registry_login, responses
from localmodel.oci.layout import Blob, Layout
from localmodel.oci.registry import Repository
from localmodel.updates.image import Image
from localmodel_operator.images.push import Push, Registry

BLOB = Blob("sha256:" + "0" * 64, 3)
BASIC = "Basic " + base64.b64encode(b"me:secret").decode()


class Asked(BaseHTTPRequestHandler):
    """A request, which `answer` answers."""

    def answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"", more: int = 0) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body) + more), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(respond: Callable[[Asked], None]) -> Iterator[tuple[str, list[tuple[str, str, str | None]]]]:
    """host:port of a server, and what it was asked: method, path and credentials."""
    log: list[tuple[str, str, str | None]] = []

    class Handler(Asked):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            log.append((self.command, self.path.partition("?")[0], self.headers.get("Authorization")))
            respond(self)

        do_HEAD = do_POST = do_PUT = do_GET

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", log
        server.shutdown()


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes Docker's configuration."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    return lambda **auths: (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))


def refused(host: str, ask: Callable[[Repository], object]) -> UserError:
    with Repository(f"{host}/x:1", insecure=False) as repository, pytest.raises(UserError) as caught:
        ask(repository)
    assert "secret" not in str(caught.value)
    return caught.value


def manifest(repository: Repository) -> object:
    return repository.manifest("1")


def test_an_upload_elsewhere_gets_no_credentials(docker: Callable[..., None]) -> None:
    def registry(asked: Asked) -> None:
        if asked.headers.get("Authorization") is None:
            asked.answer(401, {"Www-Authenticate": "Basic realm=x"})
        else:
            asked.answer(202, {"Location": f"http://{other}/up"})

    with serving(lambda asked: asked.answer(201)) as (other, others), serving(registry) as (host, log):
        docker(**{host: {"auth": BASIC.removeprefix("Basic ")}})
        with Repository(f"{host}/x:1", insecure=False) as repository:
            repository.send(BLOB, b"abc", lambda size: None)
    assert log[-1][2] == BASIC
    assert others == [("PUT", "/up", None)]


def test_where_a_blob_is_kept_cannot_ask_for_credentials(docker: Callable[..., None]) -> None:
    def elsewhere(asked: Asked) -> None:
        asked.answer(401, {"Www-Authenticate": f'Bearer realm="http://{other}/token",service="x"'})

    def registry(asked: Asked) -> None:
        asked.answer(307, {"Location": f"http://{other}/blob"})

    with serving(elsewhere) as (other, others), serving(registry) as (host, _):
        docker(**{host: {"auth": BASIC.removeprefix("Basic ")}})
        error = refused(host, lambda repository: list(repository.receive(BLOB, lambda size: None)))
    assert others == [("GET", "/blob", None)]
    assert str(error) == f"{host}/x:1: 401 from {other}, to which {host} redirects"


def test_an_identity_token_is_exchanged(docker: Callable[..., None]) -> None:
    """As `az acr login` and several credential helpers leave it."""

    def registry(asked: Asked) -> None:
        if asked.path == "/token":
            asked.answer(200, body=b'{"access_token": "granted"}')
        elif asked.headers.get("Authorization") == "Bearer granted":
            asked.answer(404)
        else:
            asked.answer(401, {"Www-Authenticate": f'Bearer realm="http://{host}/token",service="x",scope="a,b"'})

    with serving(registry) as (host, log):
        docker(**{host: {"auth": base64.b64encode(b"0:").decode(), "identitytoken": "refresh"}})
        with Repository(f"{host}/x:1", insecure=False) as repository:
            assert repository.manifest("1") is None
    assert [entry[:2] for entry in log][1] == ("POST", "/token")


def test_a_netrc_does_not_replace_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine localhost login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def registry(asked: Asked) -> None:
        if asked.path == "/token":
            asked.answer(200, body=b'{"token": "granted"}')
        elif asked.headers.get("Authorization") == "Bearer granted":
            asked.answer(404)
        else:
            asked.answer(401, {"Www-Authenticate": f'Bearer realm="http://{host}/token"'})

    with serving(registry) as (host, log):
        repository = Repository(f"{host}/x:1", insecure=False)
        repository._session.trust_env = True  # as for a registry elsewhere
        repository._base = repository._base.replace("127.0.0.1", "localhost")
        assert repository.manifest("1") is None
    assert [credentials for _, _, credentials in log] == [None, None, "Bearer granted"]


def test_a_netrc_is_not_sent_where_a_redirect_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def answer(asked: Asked) -> None:
        if asked.path == "/token":
            asked.answer(200, body=b'{"token": "granted"}')
        elif asked.headers.get("Authorization") is None:
            asked.answer(401, {"Www-Authenticate": f'Bearer realm="http://{host}/token"'})
        else:
            asked.answer(307, {"Location": f"http://{other}/blob" if asked.path == "/same" else "/same"})

    with serving(lambda asked: asked.answer(200, body=b"abc")) as (other, others), serving(answer) as (host, log):
        repository = Repository(f"{host}/x:1", insecure=False)
        repository._session.trust_env = True  # as for a registry elsewhere
        assert b"".join(repository.receive(BLOB, lambda size: None)) == b"abc"
    assert [credentials for _, _, credentials in log] == [None, None, "Bearer granted", "Bearer granted"]
    assert others == [("GET", "/blob", None)]


def test_a_server_of_tokens_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_login, "_TIMEOUT", (1, 0.2))
    end = threading.Event()

    def registry(asked: Asked) -> None:
        if asked.path == "/token":
            end.wait(20)
        asked.answer(401, {"Www-Authenticate": f'Bearer realm="http://{host}/token"'})

    with serving(registry) as (host, _):
        error = refused(host, manifest)
        end.set()
    assert error.reason == reasons.REGISTRY_UNREACHABLE
    assert "timed out" in str(error)


@pytest.mark.parametrize(
    "challenge", ["Negotiate", "Bearer", "Bearer realm", 'Bearer realm="ftp://x"', 'Bearer realm="http://[/"']
)
def test_a_challenge_that_nobody_understands(challenge: str) -> None:
    with serving(lambda asked: asked.answer(401, {"Www-Authenticate": challenge})) as (host, _):
        error = refused(host, lambda repository: repository.has(BLOB))
    assert str(error) == f"{host} asks for credentials in a way that localmodel does not support"


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"token": 1}', b'{"token": "a\\nsecret"}', b"x" * (2 << 20)])
def test_a_token_that_is_none(body: bytes) -> None:
    def registry(asked: Asked) -> None:
        if asked.path == "/token":
            asked.answer(200, body=body)
        else:
            asked.answer(401, {"Www-Authenticate": f'Bearer realm="http://{host}/token"'})

    with serving(registry) as (host, _):
        assert refused(host, manifest).reason == reasons.REGISTRY_REFUSED


ANSWERS: dict[str, tuple[Callable[[Asked], None], str]] = {
    "a manifest cut off": (lambda asked: asked.answer(200, {}, b"{", 100), "does not answer"),
    "an error cut off": (lambda asked: asked.answer(500, {}, b"{", 100), "500 Internal Server Error"),
    "a manifest without end": (lambda asked: asked.answer(200, {}, b"x" * (5 << 20)), "more than 4194304 bytes"),
    "an error without end": (lambda asked: asked.answer(500, {}, b"x" * (5 << 20)), "500 Internal Server Error"),
    "a terminal's own": (
        lambda asked: asked.answer(
            400, {}, json.dumps({"errors": [{"code": "X", "message": "\x1b[2J" + "y" * 9999}]}).encode()
        ),
        "400 X: \\x1b[2Jyyy",
    ),
    "nowhere": (lambda asked: asked.answer(307, {"Location": "http://[/"}), "leads to an address that is not valid"),
    "a circle": (lambda asked: asked.answer(307, {"Location": "/y"}), "Exceeded 30 redirects"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_none(name: str) -> None:
    respond, words = ANSWERS[name]
    with serving(respond) as (host, _):
        error = refused(host, manifest)
    assert words in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize("following", ["", "&n="])
def test_a_list_of_tags_without_end(monkeypatch: pytest.MonkeyPatch, following: str) -> None:
    monkeypatch.setattr(registry, "_MOST_PAGES", 5)

    def answer(asked: Asked) -> None:
        if len(log) > 20:
            asked.answer(404)
            return
        number = f"{following}{len(log)}" if following else ""
        asked.answer(200, {"Link": f'</v2/x/tags/list?last=a{number}>; rel="next"'}, b'{"tags": []}')

    with serving(answer) as (host, log):
        error = refused(host, lambda repository: repository.tags())
    assert error.reason == reasons.ARTIFACT_UNSUPPORTED
    assert str(error) == f"{host}: its list of tags does not end"


def test_an_upload_to_nowhere() -> None:
    with serving(lambda asked: asked.answer(202)) as (host, _):
        error = refused(host, lambda repository: repository.send(BLOB, b"abc", lambda size: None))
    assert str(error) == f"{host} does not say where to send a blob"


@pytest.mark.parametrize("auth", ["пароль", "a\nb-secret", "!", 5])
def test_credentials_that_are_none(docker: Callable[..., None], auth: object) -> None:
    docker(**{"127.0.0.1:1": {"auth": auth}})
    with pytest.raises(UserError, match=r"Docker's credentials for 127\.0\.0\.1:1 cannot be read") as caught:
        Repository("127.0.0.1:1/x:1", insecure=False)
    assert "secret" not in str(caught.value)


def test_a_refusal_names_the_helper_that_failed(
    docker: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"credsStore": "failing"}')
    (tmp_path / "docker-credential-failing").write_text("#!/bin/sh\necho secret >&2; exit 1\n")
    (tmp_path / "docker-credential-failing").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with serving(lambda asked: asked.answer(401, {"Www-Authenticate": "Basic realm=x"})) as (host, _):
        error = refused(host, manifest)
    assert str(error) == (
        f"{host} refuses GET of x; docker-credential-failing ended with code 1; see what it says: echo {host} | "
        "docker-credential-failing get (where it works, this prints the password)"
    )


def test_what_drips_can_be_given_up_at_each_piece() -> None:
    """A client that waits for a whole megabyte could not be cancelled before its time is over."""
    end = threading.Event()

    def registry(asked: Asked) -> None:
        asked.answer(200, body=b"ab", more=1 << 20)
        asked.wfile.flush()
        end.wait(60)

    with serving(registry) as (host, _), Repository(f"{host}/x:1", insecure=False) as repository:
        assert next(repository.receive(BLOB, lambda size: None)) == b"ab"
        end.set()


def test_a_registry_from_which_hardly_anything_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "_SECONDS", 0.2)

    def registry(asked: Asked) -> None:
        asked.answer(200, body=b"a", more=1000)
        for _ in range(100):
            time.sleep(0.05)
            asked.wfile.write(b"b")
            asked.wfile.flush()

    with serving(registry) as (host, _):
        for error in (
            refused(host, manifest),
            refused(host, lambda repository: list(repository.receive(BLOB, lambda _: None))),
        ):
            assert error.reason == reasons.REGISTRY_UNREACHABLE
            assert "bytes came in 0 s" in str(error)


async def test_a_lost_layer_is_told_by_a_code_behind_a_long_message(tmp_path: Path) -> None:
    """The message is cut; the layers that the registry once had are sent again all the same."""
    causes = [{"code": "DENIED", "message": "x" * 5000}, {"code": "MANIFEST_BLOB_UNKNOWN", "message": "layer"}]
    lost = False

    def registry(asked: Asked) -> None:
        if asked.command == "PUT" and "/manifests/" in asked.path and lost:
            asked.answer(404, body=json.dumps({"errors": causes}).encode())
        elif asked.command == "PUT":
            asked.answer(201)
        else:
            asked.answer(404 if asked.command == "HEAD" else 202, {"Location": "/upload"})

    layout = Layout(tmp_path / "layout")
    image = Image(layout.add(b"manifest"), layout.add(b"config"), (layout.add(b"layer"),))
    with serving(registry) as (host, log):
        push = Push(layout, Registry(host, host, "x"))
        for count in (2, 4):
            await push.deliver(image, f"{host}/x/deployments@{image.manifest.digest}", {}, list)
            assert sum(path == "/upload" for _, path, _ in log) == count
            lost = True
        push.stop()
