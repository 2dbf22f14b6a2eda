"""What a client gets for a request to a healthy server."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.server.scoring_server_process import Reply, ScoringServer, eventually, read_reply, write_script

SCRIPT = """
import json
import os
import sys
import time

import helper

calls = []


def init():
    global model
    model = helper.load()


class WithJson:
    def toJSON(self):
        return '{"answer": 42}'


RESULTS = {
    "none": None, "text": "a \\u00e9", "list": [1, 2.5, None, True], "nan": [float("nan")],
    "infinity": {"a": float("inf")}, "set": {1}, "object": WithJson(), "nested": [WithJson()],
}


def run(anything):
    data = json.loads(anything)
    action = data.get("do")
    if action == "return":
        return RESULTS[data["what"]]
    if action == "raise":
        raise KeyError("secret-of-the-model")
    if action == "print":
        print("\\x00\\x01{garbage" * 1000, flush=True)
        sys.stdout.buffer.write(b"\\xff" * 70000)
        os.write(1, b"raw bytes")
        print("to stderr", file=sys.stderr)
    if action == "exit":
        sys.exit(4)
    if action == "interrupt":
        raise KeyboardInterrupt
    while action == "wait" and not os.path.exists(data["until"]):
        time.sleep(0.01)
    if action == "where":
        return {
            "cwd": os.getcwd(), "argv": sys.argv, "path": sys.path, "modules": sorted(sys.modules),
            "model": os.environ["AZUREML_MODEL_DIR"], "name": __name__, "file": __file__,
        }
    if action == "say":
        print(data["text"])
    if action == "big":
        return "x" * data["size"]
    return {"input": data, "model": model, "pid": os.getpid()}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    folder = tmp_path_factory.mktemp("answers")
    helper = "import frames\ndef load():\n    return frames.NAME\n"
    environment = write_script(folder / "app", SCRIPT, helper=helper, frames="NAME = 'from a sibling'\n")
    environment |= {
        "LOCALMODEL_REVISION": "r-1",
        "AZUREML_MODEL_DIR": "/models",
        "LOCALMODEL_MAX_REQUEST_BYTES": "2000000",
    }
    with ScoringServer(folder, environment) as server:
        yield server.wait_until_ready("r-1")


def test_a_prediction(server: ScoringServer) -> None:
    reply = server.score({"data": [[1, 2]]})
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["input"] == {"data": [[1, 2]]}
    assert reply.json["model"] == "from a sibling"
    assert reply.headers["x-localmodel-revision"] == "r-1"
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert reply.headers["x-ms-server-version"].startswith("localmodel/")
    assert 0 <= float(reply.headers["x-ms-run-fn-exec-ms"]) < 1000


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("none", {}),
        ("text", "a \u00e9"),
        ("list", [1, 2.5, None, True]),
        ("object", {"answer": 42}),
        ("nested", [{"answer": 42}]),
    ],
)
def test_results_become_json(server: ScoringServer, what: str, expected: object) -> None:
    reply = server.score({"do": "return", "what": what})
    assert (reply.status, reply.json) == (200, expected)


@pytest.mark.parametrize(("what", "named"), [("nan", "$[0] is NaN"), ("infinity", "$.a is Infinity"), ("set", "a set")])
def test_a_result_that_is_not_json_is_explained(server: ScoringServer, what: str, named: str) -> None:
    reply = server.score({"do": "return", "what": what})
    assert reply.status == 500
    assert "cannot be written as JSON" in reply.message
    assert named in reply.message
    assert reply.headers["x-ms-run-function-failed"] == "False"


def test_an_exception_is_told_to_the_log_and_not_to_the_client(server: ScoringServer) -> None:
    reply = server.score({"do": "raise"}, {"x-request-id": "id-of-the-failure"})
    assert reply.status == 500
    assert "secret" not in reply.message
    assert reply.headers["x-ms-run-function-failed"] == "True"
    assert "x-ms-run-fn-exec-ms" not in reply.headers
    assert "request id-of-the-failure: run() failed" in server.log
    assert "KeyError: 'secret-of-the-model'" in server.log
    assert "localmodel_worker/" not in server.log


def test_a_failing_request_does_not_replace_the_worker(server: ScoringServer) -> None:
    pid = server.score({}).json["pid"]
    server.score({"do": "raise"})
    assert server.score({}).json["pid"] == pid


@pytest.mark.parametrize("action", ["exit", "interrupt"])
def test_leaving_inside_run_is_one_500_and_a_new_worker(server: ScoringServer, action: str) -> None:
    pid = server.score({}).json["pid"]
    reply = server.score({"do": action})
    assert reply.status == 500
    assert reply.headers["x-ms-run-function-failed"] == "True"
    assert "run() failed" in reply.message
    assert server.score({}).json["pid"] != pid


def test_what_a_script_prints_reaches_the_log_and_not_the_client(server: ScoringServer) -> None:
    reply = server.score({"do": "print"})
    assert (reply.status, reply.json["input"]) == (200, {"do": "print"})
    for printed in ("{garbage", "raw bytes", "to stderr"):
        assert printed in server.log


def test_the_script_finds_what_it_was_promised(server: ScoringServer) -> None:
    seen = server.score({"do": "where"}).json
    assert seen["model"] == "/models"
    assert seen["name"] == "score"
    assert seen["argv"] == [seen["file"]]
    assert seen["file"] == seen["cwd"] + "/score.py"
    assert seen["path"][0] == seen["cwd"]
    assert not [entry for entry in seen["path"] if entry.rstrip("/").endswith(("scoring-image", "localmodel_worker"))]
    assert "asyncio" not in seen["modules"]


@pytest.mark.parametrize("size", [70_000, 300_000, 1_900_000])
def test_a_large_request(server: ScoringServer, size: int) -> None:
    """Below and above the size up to which a request takes the fast path."""
    reply = server.score({"text": "x" * size})
    assert reply.status == 200
    assert reply.json["input"]["text"] == "x" * size


def test_a_large_answer(server: ScoringServer) -> None:
    assert len(server.score({"do": "big", "size": 3_000_000}).json) == 3_000_000


def test_a_body_that_is_not_utf8(server: ScoringServer) -> None:
    reply = server.score(b'{"a": "\xff"}')
    assert reply.status == 400
    assert "UTF-8" in reply.message


def test_a_body_over_the_limit(server: ScoringServer) -> None:
    reply = server.score(b"[" + b"1" * 2_000_000)
    assert reply.status == 413
    assert "2000000 bytes" in reply.message
    assert server.score({"a": "x" * 1_999_000}).status == 200


def test_a_chunked_body_over_the_limit(server: ScoringServer) -> None:
    pieces = (b"1" * 500_000 for _ in range(5))
    reply = server.request("POST", "/score", pieces, {"transfer-encoding": "chunked"}, encode_chunked=True)
    assert reply.status == 413
    pieces = (b'{"a":', b"1", b"}")
    reply = server.request("POST", "/score", pieces, {"transfer-encoding": "chunked"}, encode_chunked=True)
    assert (reply.status, reply.json["input"]) == (200, {"a": 1})


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_sent(server: ScoringServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_request_ids_are_echoed(server: ScoringServer) -> None:
    given = {"X-Request-Id": "one", "x-ms-client-request-id": "two", "x-ms-request-id": "three", "TraceId": "four"}
    headers = server.score({}, given).headers
    assert headers["x-request-id"] == "one"
    assert headers["x-ms-client-request-id"] == "two"
    assert headers["x-ms-request-id"] == "three"
    assert headers["traceid"] == "four"
    eventually(lambda: " one POST /score 200 " in server.log, server)


@pytest.mark.parametrize("path", ["/score", "/nothing-here"])
def test_request_ids_are_made_up(server: ScoringServer, path: str) -> None:
    first = server.request("POST", path, "{}").headers
    second = server.request("POST", path, "{}").headers
    assert len(first["x-request-id"]) == 36
    assert first["x-request-id"] == first["x-ms-request-id"] != second["x-request-id"]
    assert "x-ms-client-request-id" not in first


@pytest.mark.parametrize("name", ["x-request-id", "x-ms-client-request-id", "x-ms-request-id"])
def test_a_request_id_that_is_too_long(server: ScoringServer, name: str) -> None:
    reply = server.score({}, {name: "x" * 101})
    assert reply.status == 431
    assert name in reply.message
    assert server.score({}, {name: "x" * 100}).headers[name] == "x" * 100


@pytest.mark.parametrize(
    ("method", "path", "status", "named"),
    [
        ("GET", "/nothing-here", 404, "/nothing-here"),
        ("POST", "/score/", 404, "/score/"),
        ("POST", "/readyz", 405, "POST"),
        ("DELETE", "/score", 405, "DELETE"),
    ],
)
def test_wrong_paths_and_methods(server: ScoringServer, method: str, path: str, status: int, named: str) -> None:
    reply = server.request(method, path)
    assert reply.status == status
    assert named in reply.message
    assert reply.headers["x-localmodel-revision"] == "r-1"


def test_bytes_that_are_not_http(server: ScoringServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GARBAGE\r\n\r\n")
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/json" in head
    assert json.loads(body)["message"]


def test_a_browser_of_this_machine_gets_the_page_and_one_of_another_site_does_not(server: ScoringServer) -> None:
    assert server.get("/").body == b"Healthy"
    page = server.request("GET", "/ui", None, {"sec-fetch-site": "none"})
    assert page.status == 200 and '<script type="module" src="ui/page.js">' in page.body.decode()
    elsewhere = {"sec-fetch-site": "cross-site"}
    assert server.request("GET", "/ui", None, elsewhere).status == 403
    by_link = {**elsewhere, "sec-fetch-mode": "navigate"}
    assert server.request("GET", "/ui", None, by_link).status == 200
    assert server.request("GET", "/score?a=1", None, by_link).status == 403
    assert server.request("GET", "/ui/page.js", None, by_link).status == 403
    assert server.request("GET", "/ui", None, {"host": "evil.example"}).status == 421


def test_health(server: ScoringServer) -> None:
    root = server.get("/")
    assert (root.status, root.body) == (200, b"Healthy")
    assert root.headers["content-type"].startswith("text/html")
    assert server.get("/livez").status == 200
    assert server.get("/readyz").json == {"revision": "r-1"}
    assert "/readyz" not in server.log


def test_health_answers_while_the_only_worker_is_busy(server: ScoringServer, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as executor:
        slow = executor.submit(server.score, {"do": "wait", "until": str(tmp_path / "go")})
        server.wait_until_asked(1)
        waiting = executor.submit(server.score, {})
        server.wait_until_asked(2)
        for path in ("/", "/livez", "/readyz"):
            assert server.get(path).status == 200
        (tmp_path / "go").touch()
        assert (slow.result().status, waiting.result().status) == (200, 200)


def test_many_requests_on_kept_connections(server: ScoringServer) -> None:
    def client(name: int) -> list[Reply]:
        connection = server.connect()
        replies = []
        for number in range(50):
            connection.request("POST", "/score", json.dumps({"client": name, "number": number}))
            replies.append(read_reply(connection))
        connection.close()
        return replies

    with ThreadPoolExecutor(8) as executor:
        for name, replies in enumerate(executor.map(client, range(8))):
            assert [reply.json["input"] for reply in replies] == [{"client": name, "number": n} for n in range(50)]


def test_a_client_that_stalls_in_its_body_holds_nobody_up(server: ScoringServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as stalled:
        stalled.sendall(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert server.score({}).status == 200


def test_requests_of_a_client_that_left_the_line_are_dropped(server: ScoringServer, tmp_path: Path) -> None:
    slow = threading.Thread(target=server.score, args=({"do": "wait", "until": str(tmp_path / "go")},))
    slow.start()
    server.wait_until_asked(1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as impatient:
        body = b'{"do": "say", "text": "nobody waits for this"}'
        impatient.sendall(b"POST /score HTTP/1.1\r\nx-request-id: impatient\r\nHost: localhost\r\n")
        impatient.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        server.wait_until_asked(2)
    server.get("/livez")  # by then it has seen that somebody has left
    (tmp_path / "go").touch()
    slow.join()
    assert server.score({}).status == 200
    assert " impatient POST /score 499 " in server.log
    assert "nobody waits for this" not in server.log


def test_requests_leave_nothing_behind(server: ScoringServer) -> None:
    def megabytes() -> float:
        lines = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024

    connection = server.connect()
    body = json.dumps({"text": "x" * 500_000})
    before = megabytes()
    for _ in range(200):
        connection.request("POST", "/score", body)
        assert read_reply(connection).status == 200
    assert megabytes() - before < 30  # of the 100 that were sent


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads what a process has in memory from /proc")
def test_scores_health_and_figures_are_answered_without_the_memory_of_the_other_routes(tmp_path: Path) -> None:
    variables = write_script(tmp_path / "app", "def init(): ...\ndef run(data):\n    return data\n")
    with ScoringServer(tmp_path, {**variables, "LOCALMODEL_MODEL_NAME": "digits"}) as server:
        server.wait_until_ready()
        memory = Path(f"/proc/{server.process.pid}/maps")
        assert server.score({"data": [1]}).status == 200
        assert [server.get(path).status for path in ("/", "/livez", "/readyz")] == [200] * 3
        assert server.request("HEAD", "/readyz").status == 200
        assert b"localmodel_requests_total" in server.get("/metrics").body
        assert "pydantic" not in memory.read_text()
        with ThreadPoolExecutor(4) as clients:
            replies = list(clients.map(server.get, ["/v2/models/digits", "/swagger.json", "/nothing", "/openapi.json"]))
        assert [reply.status for reply in replies] == [200, 200, 404, 200]
        assert "pydantic" in memory.read_text(), "another way to tell what is in memory is needed"
        assert server.request("POST", "/livez", b"").status == 405
