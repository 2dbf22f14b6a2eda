"""A candidate that answers some requests, or gets copies of them, beside the revision that serves."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.server.admin_client import AdminReply, content_of
from support.server.admin_pod import Pod
from support.server.scoring_server_process import ScoringServer, eventually

from localmodel_server.capture.ring import NEWER

# Answers its name; {"do": ...} has it fail, end, or wait for a file.
SCRIPT = """
import json, os, time

def init():
    pass

def run(data):
    asked = json.loads(data)
    do = asked.get("do") if asked.get("who") in (None, {name!r}) else None
    if do == "fail":
        raise ValueError("no")
    if do == "end":
        os._exit(3)
    if do == "wait":
        open(asked["file"] + ".begun", "w").close()
        while not os.path.exists(asked["file"]):
            time.sleep(0.01)
    if do == "tell":
        return [{name!r}, os.getpid(), os.getpriority(os.PRIO_PROCESS, 0)]
    return asked.get("answer", {name!r})
"""


def script(name: str) -> str:
    return SCRIPT.format(name=name)


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path, script("image"))


@pytest.fixture
def server(pod: Pod) -> Iterator[ScoringServer]:
    with pod.container() as server:
        server.wait_until_ready("1")
        assert pod.prepare(2, "two", script("two")).status == 200
        yield server
        assert "error in the" not in server.log
        assert "never retrieved" not in server.log


def tried(pod: Pod, trial: dict[str, Any] | None, epoch: int = 2, name: str = "two") -> AdminReply:
    body = b"" if trial is None else json.dumps(trial).encode()
    return pod.admin.call("trial", epoch, content_of(name), body)


def canary(percent: float, sticky: str = "X-User", force: str = "x-try") -> dict[str, Any]:
    return {"role": "canary", "percent": percent, "sticky": sticky, "force": force}


def forced(server: ScoringServer, body: Any, word: str = "candidate") -> Any:
    return server.score(body, headers={"x-try": word})


@contextmanager
def clients(server: ScoringServer, count: int = 4) -> Iterator[Counter[Any]]:
    """Clients that ask as long as this lasts; what they got, and nothing is lost."""
    seen: Counter[Any] = Counter()
    stop = threading.Event()

    def ask(client: int) -> None:
        while not stop.is_set():
            answer = server.score({}, headers={"x-user": f"client-{client}-{seen.total() % 50}"})
            seen[answer.status, answer.json if answer.status == 200 else str(answer.json)] += 1

    with ThreadPoolExecutor(count) as threads:
        asking = [threads.submit(ask, client) for client in range(count)]
        try:
            yield seen
        finally:
            stop.set()
    for client in asking:
        client.result()


def more(seen: Counter[Any], server: ScoringServer, answers: int = 100) -> None:
    before = seen.total()
    eventually(lambda: seen.total() >= before + answers, server)


def test_a_canary_answers_its_share_and_each_client_meets_one_revision(pod: Pod, server: ScoringServer) -> None:
    def met(percent: float) -> dict[int, str]:
        assert tried(pod, canary(percent)).status == 200
        answers = {}
        for client in range(60):
            answer = server.score({}, headers={"x-user": str(client)})
            answers[client] = answer.json
            assert answer.headers["x-localmodel-revision"] == {"image": "1", "two": "two"}[answer.json]
        return answers

    few, many = met(20), met(60)
    assert few == met(20)
    assert 0 < Counter(few.values())["two"] < Counter(many.values())["two"] < 60
    assert all(many[client] == "two" for client, name in few.items() if name == "two")
    assert set(met(0).values()) == {"image"}
    assert set(met(100).values()) == {"two"}
    assert forced(server, {}, "serving").json == "image"
    assert server.get("/readyz").json == {"revision": "1"}
    assert tried(pod, None).status == 200
    assert forced(server, {}).json == "image"
    assert pod.admin.state()["prepared"] == {"epoch": 2, "content": content_of("two")}


def test_every_road_to_the_script_is_split(pod: Pod, server: ScoringServer) -> None:
    assert tried(pod, canary(0)).status == 200
    large = {"padding": "x" * 2_000_000}
    for headers in ({}, {"accept-encoding": "gzip"}, {"transfer-encoding": "chunked"}):
        for word, name in (("candidate", "two"), ("serving", "image")):
            sent = {**headers, "x-try": word}
            body: Any = large
            answer = server.score(body, headers=sent) if "transfer-encoding" not in headers else None
            if answer is not None:
                assert answer.json == name
            other = server.request("POST", "/invocations", json.dumps({"inputs": [1]}).encode(), {"x-try": word})
            assert other.headers["x-localmodel-revision"] == {"two": "two", "image": "1"}[name]


def test_a_part_of_requests_without_a_client_goes_to_the_canary_exactly_once(pod: Pod, server: ScoringServer) -> None:
    # Large ones go from the short cut to the application, which must not choose again.
    assert tried(pod, canary(50)).status == 200
    body = {"padding": "x" * 1_100_000}
    seen = Counter(server.score(body).json for _ in range(60))
    assert 12 <= seen["two"] <= 48


def test_what_each_revision_has_answered_is_counted_apart(pod: Pod, server: ScoringServer) -> None:
    assert tried(pod, canary(0)).status == 200
    for _ in range(3):
        assert server.score({}).status == 200
    assert forced(server, {}).status == 200
    assert forced(server, {"do": "fail"}).status == 500
    state = pod.admin.state()
    trial = state["trial"]
    assert (trial["role"], trial["percent"], trial["sticky"], trial["force"]) == ("canary", 0, "x-user", "x-try")
    counts = {role: (trial[role]["revision"], trial[role]["requests"], trial[role]["failed"]) for role in ROLES}
    assert counts == {"serving": ("1", 3, 0), "candidate": ("two", 2, 1)}
    assert sum(count for _, count in trial["candidate"]["milliseconds"]) == 2
    assert state["recent"]["failed"] == 0  # what serves is not to blame
    metrics = server.get("/metrics").body.decode()
    assert 'localmodel_revision_requests_total{revision="two",role="canary",status="500"} 1.0' in metrics
    assert 'localmodel_revision_requests_total{revision="1",role="serving",status="200"} 3.0' in metrics
    assert 'localmodel_revision_duration_seconds_count{revision="two",role="canary"} 2.0' in metrics
    assert 'localmodel_requests_total{dialect="azure",status="200"} 4.0' in metrics
    assert tried(pod, canary(10)).json["trial"]["candidate"]["requests"] == 0
    assert tried(pod, None).json["trial"] is None
    metrics = server.get("/metrics").body.decode()
    assert "localmodel_revision_requests" not in metrics
    assert 'localmodel_requests_total{dialect="azure",status="500"} 1.0' in metrics


ROLES = ("serving", "candidate")


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_nothing_is_lost_when_a_canary_ends(pod: Pod, server: ScoringServer, end: str) -> None:
    assert tried(pod, canary(50)).status == 200
    with clients(server) as seen:
        more(seen, server)
        assert pod.admin.call(end, 2, content_of("two")).status == 200
        more(seen, server)
    assert set(seen) == {(200, "image"), (200, "two")}
    last = "two" if end == "commit" else "image"
    assert forced(server, {}, "serving" if end == "commit" else "candidate").json == last
    state = pod.admin.state()
    assert (state["trial"], state["prepared"]) == (None, None)
    assert state["revision"] == {"two": "two", "image": "1"}[last]


@pytest.mark.parametrize("end", ["commit", "abort", "prepare"])
def test_who_waits_for_a_busy_canary_is_answered(pod: Pod, server: ScoringServer, end: str) -> None:
    assert tried(pod, canary(0)).status == 200
    gate = pod.folder / "gate"
    waits = {"do": "wait", "file": str(gate), "who": "two"}
    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(forced, server, waits)
        eventually(gate.with_suffix(".begun").exists, server)
        others = [threads.submit(forced, server, {}) for _ in range(5)]
        server.wait_until_asked(6)
        if end == "prepare":
            assert pod.prepare(3, "three", script("three")).status == 200
        else:
            assert pod.admin.call(end, 2, content_of("two")).status == 200
        if end != "commit":
            assert {other.result().json for other in others} == {"image"}
        gate.touch()
        assert first.result().json == "two"
        assert {other.result().json for other in others} == ({"two"} if end == "commit" else {"image"})


def test_a_canary_without_a_worker_is_stood_in_for(pod: Pod, server: ScoringServer) -> None:
    assert tried(pod, canary(0)).status == 200
    assert forced(server, {}).json == "two"
    answer = forced(server, {"do": "end"})
    assert (answer.status, answer.headers["x-localmodel-revision"]) == (500, "two")
    for _ in range(20):
        assert forced(server, {}).status == 200
    eventually(lambda: forced(server, {}).json == "two", server)
    trial = pod.admin.state()["trial"]
    assert trial["candidate"]["failed"] == 1
    assert trial["candidate"]["requests"] + trial["candidate"]["unavailable"] >= 22
    assert trial["serving"]["failed"] == 0


def test_killed_workers_of_a_canary_cost_what_they_had_and_no_more(pod: Pod, server: ScoringServer) -> None:
    assert tried(pod, canary(50)).status == 200
    with clients(server) as seen:
        for _ in range(5):
            found = forced(server, {"do": "tell", "who": "two"}).json
            if found[0] == "two":
                os.kill(found[1], signal.SIGKILL)
            more(seen, server, 30)
    assert {status for status, _ in seen} <= {200, 500}
    failed = sum(count for (status, _), count in seen.items() if status == 500)
    assert failed <= 5
    eventually(lambda: forced(server, {}).json == "two", server)
    trial = pod.admin.state()["trial"]
    assert trial["candidate"]["failed"] == failed
    assert trial["serving"]["failed"] == 0


def copies(pod: Pod) -> dict[str, int]:
    return dict(pod.admin.state()["trial"]["copies"])


SHADOW = {"role": "shadow", "percent": 100}


def test_a_shadow_is_compared_and_its_answers_go_to_nobody(pod: Pod, server: ScoringServer) -> None:
    assert tried(pod, SHADOW).status == 200
    for body in ({"answer": {"a": [1, 2]}}, {"answer": "secret"}):
        assert server.score(body).json == body["answer"]
    assert server.score({}).json == "image"
    assert server.score({"do": "fail", "who": "two"}).json == "image"
    assert server.score({"do": "fail"}).status == 500
    wanted = {"same": 3, "changed": 1, "failed": 1}
    eventually(lambda: copies(pod) == wanted, server)
    state = pod.admin.state()
    assert "secret" not in json.dumps(state)
    assert (state["trial"]["serving"]["requests"], state["trial"]["candidate"]["requests"]) == (5, 5)
    metrics = server.get("/metrics").body.decode()
    assert 'localmodel_shadow_requests_total{result="changed",revision="two"} 1.0' in metrics
    assert 'localmodel_requests_total{dialect="azure",status="200"} 4.0' in metrics
    assert 'role="shadow"' in metrics
    assert len(re.findall(r"POST /score", server.log)) == 5


def test_what_differs_from_itself_is_no_change_of_a_shadow(pod: Pod, server: ScoringServer) -> None:
    """Nor is what spec.update.replay tolerates; a client's headers decide for both what they answer."""
    rules = {"last": 1, "maxChanged": 0, "minRequests": 1, "tolerance": "0.1", "ignore": ["$.no"]}
    variables = {"LOCALMODEL_REPLAY": json.dumps(rules)}
    for epoch, name, value, no in ((3, "old", 1, 1), (4, "new", 1.05, 2)):
        made = CLOCK.format(value=value, no=no)
        assert pod.prepare(epoch, name, made, variables=variables if name == "new" else {}).status == 200
        if name == "old":
            assert pod.commit(epoch, name).status == 200
    assert tried(pod, SHADOW, 4, "new").status == 200
    for _ in range(5):
        assert server.score({}).status == 200
    eventually(lambda: copies(pod) == {"same": 5}, server)
    assert server.score({}, headers={"x-other": "yes"}).status == 200
    eventually(lambda: copies(pod) == {"same": 5, "changed": 1}, server)


CLOCK = """
import time

def init():
    pass

def run(data, request_headers):
    other = {value} if any(name.lower() == "x-other" for name in request_headers) else 0
    return {{"at": time.time(), "value": {value}, "no": {no}, "other": 10 * other}}
"""


def test_a_shadow_has_its_exact_share(pod: Pod, server: ScoringServer) -> None:
    assert tried(pod, {**SHADOW, "percent": 25}).status == 200
    for _ in range(40):
        server.score({})
    eventually(lambda: sum(copies(pod).values()) == 10, server)


def test_a_shadow_that_hangs_harms_nobody(pod: Pod, server: ScoringServer) -> None:
    assert tried(pod, SHADOW).status == 200
    never = pod.folder / "never"
    assert server.score({"do": "wait", "file": str(never), "who": "two"}).json == "image"
    eventually(never.with_suffix(".begun").exists, server)
    for _ in range(200):
        assert server.score({}).json == "image"
    eventually(lambda: copies(pod).get("dropped", 0) >= 100, server)
    assert pod.prepare(3, "three", script("three")).status == 200
    assert pod.admin.state()["trial"] is None
    server.signal(signal.SIGTERM)  # which need not wait for it either
    assert server.wait_for_end() == 0


def test_a_shadow_gives_way_to_all_others_and_serves_like_any_other(pod: Pod, server: ScoringServer) -> None:
    told = pod.folder / "told"
    assert pod.prepare(3, "three", TELLS, variables={"TOLD": str(told)}).status == 200
    assert tried(pod, SHADOW, 3, "three").status == 200
    server.score({})
    eventually(told.exists, server)
    assert json.loads(told.read_text()) == [19, "true"]
    with clients(server) as seen:
        more(seen, server)
        assert pod.commit(3, "three").status == 200
        more(seen, server)
    assert set(seen) == {(200, "image"), (200, "three")}
    eventually(lambda: server.score({}).json == "three", server)
    assert json.loads(told.read_text()) == [0, None]


TELLS = """
import json, os
from pathlib import Path

def init():
    pass

def run(data, request_headers):
    priority = os.getpriority(os.PRIO_PROCESS, 0)
    beside = Path(os.environ["TOLD"] + ".tmp")
    headers = {name.lower(): value for name, value in request_headers.items()}
    beside.write_text(json.dumps([priority, headers.get("x-localmodel-shadow")]))
    beside.replace(os.environ["TOLD"])
    return "three"
"""


@pytest.mark.parametrize(
    ("trial", "word"),
    [
        ({**SHADOW, "role": "serving"}, "role: 'serving' is not canary or shadow"),
        ({**SHADOW, "percent": 101}, "percent: expected a number from 0 to 100"),
        (canary(5, sticky="not a name"), "sticky: 'not a name' is not a valid name of a header"),
        ({"role": "canary", "percent": 5}, "the field sticky is missing"),
        ({"a": "x" * 5000}, "the body is larger than 4096 bytes"),
    ],
)
def test_a_trial_that_is_none_changes_nothing(
    pod: Pod, server: ScoringServer, trial: dict[str, Any], word: str
) -> None:
    assert tried(pod, canary(100)).status == 200
    refused = tried(pod, trial)
    assert refused.status in (400, 413)
    assert refused.json["message"] == word
    assert server.score({}).json == "two"


def test_what_is_not_prepared_cannot_be_tried(pod: Pod, server: ScoringServer) -> None:
    calls: list[Callable[[], AdminReply]] = [
        lambda: tried(pod, canary(5), 3, "three"),
        lambda: pod.admin.call("abort", 2, content_of("two")) and tried(pod, canary(5)),
    ]
    for call in calls:
        reply = call()
        assert (reply.status, reply.json["reason"]) == (409, "NotPrepared")
    assert server.score({}).json == "image"


def test_only_what_clients_have_asked_is_captured_whoever_answers(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    rules = {"percent": 100, "keep": {"requests": 100, "megabytes": 4}, "answers": True, "redact": [], "headers": []}
    pod = Pod(tmp_path, script("image"), LOCALMODEL_CAPTURE=json.dumps(rules), LOCALMODEL_CAPTURE_FOLDER=str(folder))

    def captured() -> list[tuple[str, str]]:
        path = folder / NEWER
        lines = path.read_text().splitlines() if path.exists() else []
        return [(record["revision"], json.loads(record["answer"])) for record in map(json.loads, lines)]

    with pod.container() as server:
        server.wait_until_ready("1")
        gate = [{"body": "{}", "expect": {"json": "two"}}]
        assert pod.prepare(2, "two", script("two"), gate=gate).status == 200
        assert tried(pod, SHADOW).status == 200
        assert server.score({}).json == "image"
        eventually(lambda: copies(pod) == {"changed": 1}, server)
        assert tried(pod, canary(0)).status == 200
        assert forced(server, {}).json == "two"
        assert server.score({}).json == "image"
        expected = [("1", "image"), ("two", "two"), ("1", "image")]
        eventually(lambda: len(captured()) >= len(expected), server)
        assert captured() == expected
        assert pod.commit(2, "two").status == 200
        assert server.score({}).json == "two"
        eventually(lambda: captured() == [*expected, ("two", "two")], server)


def test_a_server_that_stops_answers_what_its_canary_has(pod: Pod, server: ScoringServer) -> None:
    assert tried(pod, canary(0)).status == 200
    gate = pod.folder / "gate"
    waits = {"do": "wait", "file": str(gate), "who": "two"}
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(forced, server, waits) for _ in range(3)]
        server.wait_until_asked(3)
        server.signal(signal.SIGTERM)
        eventually(lambda: "stopping" in server.log, server)
        gate.touch()
        answers = [answer.result() for answer in asked]
    assert {answer.status for answer in answers} == {200}
    assert answers[0].headers["connection"] == "close"
    assert server.wait_for_end() == 0
