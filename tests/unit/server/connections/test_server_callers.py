"""Which hosts and origins a request may name."""

from __future__ import annotations

import pytest

from localmodel_server.configuration.settings import SettingsError, read_hosts
from localmodel_server.connections.callers import Callers, check_origin, is_ours
from localmodel_server.connections.request_head import BadHeadError, called_host, check_framing, read_host

HOSTS = read_hosts({"LOCALMODEL_ALLOWED_HOSTS": "a.example, B.example."})


@pytest.mark.parametrize("text", ["localhost:1", "x.localhost", "127.1.2.3", "[::1]:80", "A.EXAMPLE.:443", "b.example"])
def test_names_of_the_server(text: str) -> None:
    assert is_ours(read_host(text).name, HOSTS)


@pytest.mark.parametrize(
    "text", ["", "a.example.org", "x.a.example", "notlocalhost", "localhost.org", "127.0.0.1.nip.io", "*"]
)
def test_names_of_others(text: str) -> None:
    assert not is_ours(read_host(text).name, HOSTS)
    assert is_ours(read_host(text).name, read_hosts({"LOCALMODEL_ALLOWED_HOSTS": "*"}))


@pytest.mark.parametrize("text", ["a b", "a:b", "a:1:2", "[::1", "::1", "me@a", "http://a", "a/b", "a\t"])
def test_what_is_not_a_host(text: str) -> None:
    with pytest.raises(BadHeadError) as raised:
        read_host(text)
    assert raised.value.status == 400


@pytest.mark.parametrize("name", ["https://a.example", "a.example:443", "a b", "*.example"])
def test_a_name_that_cannot_be_one_is_refused_with_its_variable(name: str) -> None:
    with pytest.raises(SettingsError, match="LOCALMODEL_ALLOWED_HOSTS"):
        read_hosts({"LOCALMODEL_ALLOWED_HOSTS": f"good.example, {name}"})


def test_names_of_a_service() -> None:
    named = {"LOCALMODEL_SERVICE_NAME": "digits", "LOCALMODEL_SERVICE_NAMESPACE": "models"}
    assert {"digits", "digits.models", "digits.models.svc", "digits.models.svc.cluster.local"} <= read_hosts(named)
    assert "ml.example" in read_hosts({"LOCALMODEL_PUBLIC_HOST": "ml.example"}), "what an Ingress leads there from"
    assert "digits." not in read_hosts({"LOCALMODEL_SERVICE_NAME": "digits"})


def test_the_target_counts_before_the_header() -> None:
    given = [(b"host", b"localhost")]
    assert called_host("1.1", b"/score", given) == ("localhost", "")
    assert called_host("1.1", b"http://[::1]:5001/score", given) == ("[::1]", "5001")
    assert called_host("1.1", b"http://localhost@a.example/", given) == ("a.example", "")
    assert called_host("1.0", b"/score", []) is None


@pytest.mark.parametrize(
    ("host", "origin", "allowed", "is_allowed"),
    [
        ("localhost:1", "http://localhost:1", (), True),
        ("localhost", "http://localhost:80", (), True),
        ("a.example", "https://a.example", (), True),
        ("a.example:443", "https://a.example", (), True),
        ("localhost:1", "http://localhost:2", (), False),
        ("localhost:1", "http://127.0.0.1:1", (), False),
        ("localhost", "null", (), False),
        ("localhost", "chrome-extension://localhost", (), False),
        ("localhost", "http://b.example", ("http://b.example",), True),
        ("localhost", "https://b.example", ("http://b.example",), False),
        ("localhost", "null", ("*",), True),
    ],
)
def test_origins(host: str, origin: str, allowed: tuple[str, ...], is_allowed: bool) -> None:
    headers = [(b"origin", origin.encode())]
    if is_allowed:
        check_origin(read_host(host), headers, allowed)
    else:
        with pytest.raises(BadHeadError, match="AML_CORS_ORIGINS"):
            check_origin(read_host(host), headers, allowed)


def test_where_a_request_ends_must_be_clear() -> None:
    coded = [(b"transfer-encoding", b" Chunked ")]
    check_framing("1.1", coded)
    for version, headers, status in (
        ("1.0", coded, 400),
        ("2.0", [], 505),
        ("0.9", [], 505),
        ("1.1", coded * 2, 400),
        ("1.1", [(b"transfer-encoding", b"gzip"), *coded], 501),
        ("1.1", [(b"transfer-encoding", b"")], 501),
    ):
        with pytest.raises(BadHeadError) as raised:
            check_framing(version, headers)
        assert raised.value.status == status


def test_an_empty_host_is_told_in_a_sentence() -> None:
    with pytest.raises(BadHeadError, match=r"^the Host header is empty; LOCALMODEL_ALLOWED_HOSTS") as refused:
        Callers(lambda: None, ()).check("1.1", b"/score", [(b"host", b"")])
    assert refused.value.status == 421
