"""Web pages that call the server of the machine they are shown on; programs notice nothing of what is done about it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server.scoring_server_process import RevisionFile, ScoringServer, write_script
from wire import Wire, post

ROUTES = ("/score", "/", "/livez", "/readyz", "/metrics", "/swagger.json", "/v2/models/model/infer", "/nowhere")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    """A server that is told of a Service and of a name of its own, and whose pages may come from one origin."""
    folder = tmp_path_factory.mktemp("callers")
    variables = write_script(folder / "app", "def init(): pass\ndef run(raw_data): return raw_data\n")
    variables.update(LOCALMODEL_SERVICE_NAME="digits", LOCALMODEL_SERVICE_NAMESPACE="models")
    variables.update(LOCALMODEL_ALLOWED_HOSTS="Models.Example.com, other_one", AML_CORS_ORIGINS="https://app.example")
    with ScoringServer(folder, variables, "--health_port", "0") as server:
        yield server.wait_until_ready()


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "digits.models.svc.evil.example", "1.2.3.4.nip.io"]
)
def test_a_name_that_is_not_the_servers_is_refused(server: ScoringServer, host: str, path: str) -> None:
    for name in (host, f"{host}:{server.port}", host.upper() + "."):
        for method in ("GET", "POST"):
            reply = server.request(method, path, b"1" if method == "POST" else None, {"Host": name})
            assert (reply.status, reply.headers["connection"]) == (421, "close")
            assert "LOCALMODEL_ALLOWED_HOSTS" in reply.message


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LocalHost.", "digits.localhost", "127.0.0.1", "10.1.2.3", "[::1]", "[fe80::1]"),
        *("host.docker.internal", socket.gethostname(), "models.example.com", "other_one"),
        *("digits", "digits.models", "digits.models.svc", "digits.models.svc.cluster.local"),
    ],
)
def test_names_and_addresses_of_the_server(server: ScoringServer, host: str) -> None:
    for name in (host, f"{host}:{server.port}", f"{host}:80", f"{host}:"):
        with Wire(server) as wire:
            for _ in range(2):  # the second time from what is remembered
                assert wire.send(post([1], Host=name)).answer().json == "[1]"
            assert wire.send(post([1], Host=name, path="/nowhere")).answer().status == 404


def test_the_name_in_an_absolute_target_counts(server: ScoringServer) -> None:
    for target, status in (("http://evil.example/score", 421), ("http://me@evil.example:80/score", 421)):
        with Wire(server) as wire:
            assert wire.send(post([1], path=target)).answer().status == status
    with Wire(server) as wire:
        assert wire.send(post([1], path="http://[::1]:5001/score", Host="ignored.example")).answer().json == "[1]"


def test_http_1_0_without_a_host(server: ScoringServer) -> None:
    data = post([1]).replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host: localhost\r\n", b"")
    with Wire(server) as wire:
        assert wire.send(data).answer().json == "[1]"


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "http://localhost:1"},
    {"Origin": "https://localhost:{port}.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "Cross-Site"},
]


@pytest.mark.parametrize("path", ROUTES)
def test_pages_of_other_origins_are_refused(server: ScoringServer, path: str) -> None:
    for headers in FOREIGN:
        sent = {name: value.format(port=server.port) for name, value in headers.items()}
        for method in ("GET", "POST", "OPTIONS"):
            reply = server.request(method, path, b"1" if method == "POST" else None, sent)
            assert (reply.status, reply.headers["connection"]) == (403, "close"), sent
            assert "AML_CORS_ORIGINS" in reply.message


def test_the_servers_own_pages_and_allowed_ones_may_call(server: ScoringServer) -> None:
    own = f"http://127.0.0.1:{server.port}"
    for headers in (
        {"Origin": own},
        {"Origin": own, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {"Origin": "https://app.example"},
        {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://models.example.com", "Host": "models.example.com"},  # TLS ends before the server
    ):
        assert server.score([1], headers).json == "[1]"


def test_an_origin_is_the_servers_with_its_port_only(server: ScoringServer) -> None:
    for host, origin in (("localhost", f"http://localhost:{server.port}"), ("localhost:81", "http://localhost")):
        assert server.score([1], {"Host": host, "Origin": origin}).status == 403


def test_names_change_with_the_revision(tmp_path: Path) -> None:
    script = "def init(): pass\ndef run(raw_data): return 1\n"
    file = RevisionFile(tmp_path)
    file.write("1", script)
    with ScoringServer(tmp_path, {}, *file.arguments) as server:
        server.wait_until_ready("1")
        asked = {"Host": "a.example"}
        assert server.score([1], asked).status == 421
        file.write("2", script, LOCALMODEL_ALLOWED_HOSTS="a.example")
        server.signal_reload()
        server.wait_until_ready("2")
        assert [server.score([1], asked).status for _ in range(2)] == [200, 200]
        file.write("3", script)
        server.signal_reload()
        server.wait_until_ready("3")
        assert server.score([1], asked).status == 421
