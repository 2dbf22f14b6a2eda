"""Requests that are odd, broken or hostile on the wire."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from support.server.scoring_server_process import Reply, ScoringServer, eventually, write_script
from wire import GET_LIVEZ, Wire, chunked, post


def refused(wire: Wire, status: int) -> str:
    """The message of a refusal, which ends the connection."""
    reply = wire.answer()
    assert (reply.status, reply.headers["connection"]) == (status, "close")
    assert wire.is_closed()
    return reply.message


def test_pipelined_requests_are_answered_in_their_order(echo: ScoringServer) -> None:
    with Wire(echo) as wire:
        wire.send(post({"n": 1, "seconds": 0.2}) + GET_LIVEZ + post({"n": 2}) + post(b"{", path="/nowhere") + post([3]))
        replies = [wire.answer() for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 404, 200]
    assert [reply.json for reply in replies[:3]] == [{"n": 1, "seconds": 0.2}, {}, {"n": 2}]
    assert replies[4].json == [3]


def test_a_hundred_pipelined_requests(echo: ScoringServer) -> None:
    with Wire(echo) as wire:
        wire.send(b"".join(post({"n": number}) + GET_LIVEZ for number in range(100)))
        for number in range(100):
            assert wire.answer().json == {"n": number}
            assert wire.answer().json == {}


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"GET /livez HTTP/1.1\r\nbad header\r\n\r\n"])
def test_garbage_behind_a_request_does_not_take_its_answer(echo: ScoringServer, garbage: bytes) -> None:
    with Wire(echo) as wire:
        wire.send(post({"seconds": 0.2}) + post([2]) + garbage)
        assert wire.answer().json == {"seconds": 0.2}
        assert wire.answer().json == [2]
        refused(wire, 400)


def test_a_bad_chunk_behind_a_request_does_not_take_its_answer(echo: ScoringServer) -> None:
    with Wire(echo) as wire:
        wire.send(post({"seconds": 0.2}) + chunked(b"[1]")[:-10] + b"zz\r\n")
        assert wire.answer().json == {"seconds": 0.2}
        refused(wire, 400)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # a TLS client hello
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"hello\r\n\r\n",
        post([1]).replace(b"POST", b"post"),
        post([1]).replace(b"POST", b"BREW"),
        post([1]).replace(b"HTTP/1.1", b"HTTP/9.9"),
        post([1]).replace(b"Host: localhost", b"no colon"),
        post([1]).replace(b"Host: localhost", b"Na me: x"),
        post([1]).replace(b"Host: localhost", b"Host: localhost\x00y"),
        post([1]).replace(b"Host: localhost", b"Host: localhost\r\n folded"),
        post([1], Content_Length="-1"),
        post([1], Content_Length="+3"),
        post([1], Content_Length="3, 3"),
        post([1], Content_Length="1_0"),
        post([1], Content_Length="9" * 30),
        post([1], Transfer_Encoding="chunked"),
        post([1]).replace(b"Host: localhost", b"Content-Length: 3"),
        post([1]).replace(b"Host: localhost", b"Content-Length: 4"),
        post([1]).replace(b"/score", b"/sc\xc3\xb6re"),
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"x" * 10,
        chunked(b"[1]").replace(b"3\r\n", b"-3\r\n"),
        chunked(b"[1]").replace(b"3\r\n", b"ffffffffffffffffff\r\n"),
        chunked(b"[1]").replace(b"chunked", b"chunked, identity"),
        chunked(b"[1]").replace(b"chunked", b"chunked, chunked"),
        chunked(b"[1]").replace(b"HTTP/1.1", b"HTTP/1.0"),
        post([1]).replace(b"HTTP/1.1", b"HTTP/1.2"),
        post([1]).replace(b"HTTP/1.1", b"RTSP/1.0"),
        post([1]).replace(b"HTTP/1.1", b"RTSP/1.1"),
        b"SOURCE /score ICE/1.0\r\nHost: localhost\r\n\r\n",
        post([1]).replace(b"Host: localhost\r\n", b""),
        post([1]).replace(b"Host: localhost", b"Host: localhost\r\nHost: localhost"),
        post([1]).replace(b"Host: localhost", b"Host: ["),
        post([1]).replace(b"Host: localhost", b"Host: x:y:z"),
        post([1]).replace(b"Host: localhost", b"Host: me@localhost"),
    ],
)
def test_what_is_not_http_is_a_400_in_json(echo: ScoringServer, data: bytes) -> None:
    with Wire(echo) as wire:
        wire.send(data)
        assert refused(wire, 400)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (post([1]).replace(b"HTTP/1.1", b"HTTP/2.0"), 505),
        (post([1]).replace(b"HTTP/1.1", b"HTTP/0.9"), 505),
        (chunked(b"[1]").replace(b"chunked", b"gzip, chunked"), 501),
        (chunked(b"[1]").replace(b": chunked", b": gzip\r\nTransfer-Encoding: chunked"), 501),
        (chunked(b"[1]").replace(b"chunked", b"identity"), 501),
        (chunked(b"[1]").replace(b"chunked", b"gzip"), 501),
    ],
)
def test_other_versions_and_codings(echo: ScoringServer, data: bytes, status: int) -> None:
    with Wire(echo) as wire:
        wire.send(data)
        assert refused(wire, status)


def test_a_head_that_comes_byte_by_byte_is_http_all_the_same(echo: ScoringServer) -> None:
    with Wire(echo) as wire:
        for _ in range(2):
            for byte in post([1]):
                wire.send(bytes([byte]))
            assert wire.answer().json == [1]
        for byte in post([1]).replace(b"HTTP/1.1", b"RTSP/1.1").partition(b"[1]")[0]:
            wire.send(bytes([byte]))
        refused(wire, 400)


FALSE = b"POST /score HTTP/1.1"


@pytest.mark.parametrize(
    "before",
    [
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: %b\r\n\r\n" % FALSE,
        post(b"\n" + FALSE),
        post(b'"x"').replace(b"Host: localhost", b"Host: localhost\r\nX: " + FALSE),
        chunked(b"\r\n" + FALSE),
        post([1]),
    ],
)
@pytest.mark.parametrize("line", [b"POST /score RTSP/1.0", b"POST  /score   RTSP/1.1"])
def test_what_stands_before_does_not_make_another_protocol_http(
    echo: ScoringServer, before: bytes, line: bytes
) -> None:
    """In one piece, and with the first bytes of the second request behind the first one."""
    other = post([2]).replace(FALSE, line)
    for cut in (0, 1, len(line) - 2, len(line) + 3):
        with Wire(echo) as wire:
            wire.send(before + other[:cut])
            if cut:
                wire.answer()
            wire.send(other[cut:])
            if not cut:
                wire.answer()
            refused(wire, 400)


def test_a_body_may_be_about_another_protocol(echo: ScoringServer) -> None:
    with Wire(echo) as wire:
        wire.send(post(["POST /score RTSP/1.0"]) + post(["SOURCE /score ICE/1.0"]))
        assert [wire.answer().json, wire.answer().json] == [["POST /score RTSP/1.0"], ["SOURCE /score ICE/1.0"]]


COUNTING = """
ASKED = []
def init(): pass
def run(raw_data):
    ASKED.append(raw_data)
    return ASKED
"""


def test_nothing_behind_a_refused_head_is_run(tmp_path: Path) -> None:
    refusals = [
        (431, post([1]).replace(b"Host:", b"x: " + b"y" * 66_000 + b"\r\nHost:")),
        (400, post([1]).replace(b"Host: localhost", b"no colon")),
        (400, post([1]).replace(b"Host: localhost\r\n", b"")),
        (421, post([1]).replace(b"localhost", b"evil.example")),
        (403, post([1], Origin="http://evil.example")),
        (501, chunked(b"[1]").replace(b"chunked", b"gzip, chunked")),
        (505, post([1]).replace(b"HTTP/1.1", b"HTTP/2.0")),
    ]
    with ScoringServer(tmp_path, write_script(tmp_path / "app", COUNTING)) as server:
        server.wait_until_ready()
        for status, data in refusals:
            for behind in (post("behind"), GET_LIVEZ, chunked(b'"behind"'), post("behind", path="/invocations")):
                with Wire(server) as wire:
                    wire.send(data + behind + behind)
                    refused(wire, status)
                with Wire(server) as wire:  # and behind a request whose answer the refusal waits for
                    wire.send(post("first") + data + behind)
                    assert wire.answer().status == 200
                    refused(wire, status)
        assert "behind" not in str(server.score("last").json)
        assert "Traceback" not in server.log, server.log


def test_nothing_behind_a_request_that_came_too_late_is_run(tmp_path: Path) -> None:
    variables = {**write_script(tmp_path / "app", COUNTING), "LOCALMODEL_DRAIN_SECONDS": "1"}
    with ScoringServer(tmp_path, variables) as server, Wire(server.wait_until_ready()) as wire:
        server.signal(signal.SIGTERM)
        eventually(lambda: "stopping" in server.log, server)
        wire.send(post("first") + post("behind") + GET_LIVEZ)
        reply = wire.answer()
        assert (reply.json, reply.headers["connection"]) == (['"first"'], "close")
        assert wire.is_closed()
        assert server.process.wait() == 0
        assert "Traceback" not in server.log, server.log


def test_header_lines_end_with_a_line_feed_alone_only_by_agreement(echo: ScoringServer) -> None:
    with Wire(echo) as wire:
        wire.send(b"GET /livez HTTP/1.1\nHost: localhost\n\n")
        assert wire.answer().status in (200, 400)


def test_lower_case_header_names_and_absolute_targets(echo: ScoringServer) -> None:
    with Wire(echo) as wire:
        wire.send(post([1]).replace(b"Content-Length", b"CONTENT-length"))
        assert wire.answer().json == [1]
        wire.send(post([2], path="http://localhost:99/score"))
        assert wire.answer().json == [2]
        wire.send(post([3], path="/%73core"))
        assert wire.answer().json == [3]
        wire.send(post([4], path="/score?a=b#c"))
        assert wire.answer().json == [4]
        for path in ("/score/", "//score", "/score/../score", "/SCORE", "*", "/score%00"):
            wire.send(post([5], path=path))
            assert wire.answer().status == 404


def test_http_1_0_is_answered_and_closed(echo: ScoringServer) -> None:
    for data in (post([1]), chunked(b"[1]")[: chunked(b"[1]").index(b"3\r\n")]):
        with Wire(echo) as wire:
            wire.send(data.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Transfer-Encoding: chunked\r\n", b""))
            reply = wire.answer()
            assert reply.status == (200 if data.endswith(b"[1]") else 500)
            assert reply.headers["connection"] == "close"
            assert wire.is_closed()


@pytest.mark.parametrize("path", ["/score", "/livez", "/nowhere"])
def test_connection_close_is_kept(echo: ScoringServer, path: str) -> None:
    with Wire(echo) as wire:
        reply = wire.send(post([1], path=path, Connection="close")).answer()
        assert reply.headers["connection"] == "close"
        assert wire.is_closed()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"".join(b"x-%d: y\r\n" % number for number in range(50_000)), 431),
        (b"x: " + b"y" * 70_000 + b"\r\n", 431),
        (b"x" * 70_000 + b": y\r\n", 431),
        (b"a:\r\n" * 30_000, 431),
        (b"x: " + b"y" * 30_000 + b"\r\n", 200),
        (b"".join(b"x-%d: y\r\n" % number for number in range(1000)), 200),
    ],
)
def test_many_and_long_headers(echo: ScoringServer, head: bytes, status: int) -> None:
    data = post([1]).replace(b"Host: localhost\r\n", b"Host: localhost\r\n" + head)
    with Wire(echo) as wire:
        wire.send_until_closed(data, 1)
        if status == 200:
            assert wire.answer().json == [1]
        else:
            assert "65536 bytes" in refused(wire, 431)


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /", b"a" * 10_000),
        (b"GET /livez HTTP/1.1\r\nx: ", b"a" * 10_000),
        (b"GET /livez HTTP/1.1\r\n", b"a: b\r\n" * 1000),
        (post([1]) + b"GET /livez HTTP/1.1\r\nx: ", b"a" * 10_000),
        (chunked(b"[1]")[:-2], b"a: b\r\n" * 1000),  # trailers
        (chunked(b"[1]")[:-2] + b"a: ", b"b" * 10_000),
        (chunked(b"[1]")[:-5] + b"3;", b"b" * 10_000),  # a chunk's extension
    ],
)
def test_headers_without_an_end(echo: ScoringServer, start: bytes, piece: bytes) -> None:
    with Wire(echo) as wire:
        wire.send(start).send_until_closed(piece, 200)
        reply = wire.answer()
        if start.startswith(post([1])):
            assert reply.json == [1]
            reply = wire.answer()
        assert reply.status == 431
        assert "65536 bytes" in reply.message


def test_a_client_that_sees_no_continue_sends_no_body(echo: ScoringServer) -> None:
    body = b'"' + b"x" * 100_000 + b'"'
    with Wire(echo) as wire:
        head = post(body, Expect="100-continue")[: -len(body)]
        for _ in range(2):
            assert wire.send(head).answer().status == 100
            assert len(wire.send(body).answer().body) == len(body)
        assert wire.send(head.replace(b"/score", b"/nowhere")).answer().status == 404
        assert wire.is_closed(), "what comes next could be the body or a request"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "TRACE", "PROPFIND"])
def test_other_methods(echo: ScoringServer, method: str) -> None:
    for path in ("/score", "/livez"):
        reply = echo.request(method, path)
        assert reply.status == (200 if (method, path) == ("HEAD", "/livez") else 405)
        if method != "HEAD":
            assert method in reply.message


@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "nonsense"])
def test_an_upgrade_that_is_not_offered_is_ignored(echo: ScoringServer, upgrade: str) -> None:
    # Java's own client asks for h2c with its first request.
    with Wire(echo) as wire:
        for number in range(3):
            reply = wire.send(post([number], Connection="Upgrade, HTTP2-Settings", Upgrade=upgrade)).answer()
            assert reply.json == [number]
        wire.send(
            GET_LIVEZ.replace(
                b"Host: localhost", f"Host: localhost\r\nConnection: Upgrade\r\nUpgrade: {upgrade}".encode()
            )
        )
        assert wire.answer().status == 200


@pytest.mark.parametrize("path", ["/score", "/nowhere", "/v2/models/x", "/livez", "/swagger.json"])
@pytest.mark.parametrize(
    "header",
    [
        b"Host: LOCALHOST.:80",
        b"Host: a_b.localhost:",
        b"x-request-id: \xff\t\xfe",
        b"Content-Type: ;;\xff",
        b"accept-encoding: \xff",
    ],
)
def test_odd_header_values(echo: ScoringServer, path: str, header: bytes) -> None:
    with Wire(echo) as wire:
        method = b"POST" if path == "/score" else b"GET"
        host = b"" if header.startswith(b"Host") else b"Host: localhost\r\n"
        wire.send(method + post([1], path=path).replace(b"Host: localhost", host + header)[4:])
        reply = wire.answer()
        assert reply.status in (200, 404)
        assert isinstance(json.loads(reply.body), dict | list)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/" + "a" * 20_000, "/%ff%fe", "/%00", "/a b".replace(" ", "%20"), "/?" + "&" * 5000]
)
def test_odd_paths(echo: ScoringServer, path: str) -> None:
    reply = echo.get(path)
    assert (reply.status, reply.headers["content-type"]) in (
        (404, "application/json"),
        (200, "text/html; charset=utf-8"),
    )


def test_a_refusal_is_seen_by_a_client_that_is_still_sending(echo: ScoringServer) -> None:
    for connection in ("close", "keep-alive"):
        with Wire(echo) as wire:
            head = post(b"", Content_Length=str(200 << 20), Connection=connection)
            wire.send(head).send_until_closed(bytes(1 << 20), 20)
            reply: Reply = wire.answer()
            assert reply.status == 413


@pytest.mark.parametrize(
    "path", ["/v2/models/other/infer", "/v1/models/other:predict", "/v2/models//infer", "/v2/models/m/versions/9/infer"]
)
def test_a_model_that_is_not_served(echo: ScoringServer, path: str) -> None:
    reply = echo.request("POST", path, b"{}", {"content-type": "application/json"})
    assert reply.status == 404
    assert reply.headers["content-type"] == "application/json"
