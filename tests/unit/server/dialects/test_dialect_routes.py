"""The routes of the dialects, in front of a dispatcher that answers as told."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from localmodel_server.decoding.decoder import Decoder
from localmodel_server.dialects import registry
from localmodel_server.errors import ClientGoneError, UnavailableError
from localmodel_server.messages.body_budget import BodyBudget
from localmodel_server.messages.body_stream import BodyStream
from localmodel_server.messages.call import Call, Outcome
from localmodel_server.messages.contract import Contract, Value

TENSOR = {"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}
INFER = {"inputs": [TENSOR]}


class State:
    """What the routes see of the server."""

    def __init__(self) -> None:
        self.contract: Contract | None = Contract()
        self.settings: Any = SimpleNamespace(
            model_name="digits",
            input_key="data",
            max_request_bytes=10_000,
            max_decoded_bytes=1 << 30,
            scoring_timeout_ms=5000,
        )
        self.reason: str | None = None
        self.outcome: Outcome | Exception = Outcome(200, b"[1.5]", "7", "")
        self.calls: list[Call] = []
        self.counted: list[tuple[Any, ...]] = []
        self.dispatcher = self
        self.bodies = BodyBudget(lambda: 10_000)
        self.decoder = Decoder()
        self.inflating = asyncio.Lock()
        self.metrics = SimpleNamespace(answered=lambda *values: self.counted.append(values))

    @property
    def revision(self) -> str:
        return "7" if self.settings else ""

    def unready_reason(self) -> str | None:
        return self.reason

    def check_room(self) -> Any:
        if self.settings is None:
            raise UnavailableError("the revision is loading")
        return self

    async def ask(self, make_call: Callable[[Contract], Call], request_id: str, gone: Any) -> Outcome:
        assert self.contract is not None
        self.calls.append(make_call(self.contract))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
async def client(state: State) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    for router in registry.ROUTERS:
        app.include_router(router(state))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        yield client


@pytest.mark.parametrize("prefix", ["", "/kserve"])
async def test_both_kserve_protocols_answer_at_the_root_and_under_the_prefix(
    client: httpx.AsyncClient, state: State, prefix: str
) -> None:
    v2 = await client.post(f"{prefix}/v2/models/digits/infer", json={**INFER, "id": "5"})
    assert v2.json() == {
        "model_name": "digits",
        "model_version": "7",
        "id": "5",
        "outputs": [{"name": "output-0", "datatype": "FP64", "shape": [1], "data": [1.5]}],
    }
    v1 = await client.post(f"{prefix}/v1/models/digits:predict", json={"instances": [1]})
    assert v1.json() == {"predictions": [1.5]}
    assert [call.body for call in state.calls] == [b'{"data":[1]}', b'{"data":[1]}']
    assert [counted[:2] for counted in state.counted] == [("open_inference", 200), ("kserve_v1", 200)]
    assert (await client.get(f"{prefix}/v1/models/digits")).json() == {"name": "digits", "ready": True}
    assert (await client.get(f"{prefix}/v1/models")).json() == {"models": ["digits"]}


async def test_the_prefix_says_that_it_is_alive(client: httpx.AsyncClient) -> None:
    for path in ("/kserve", "/kserve/"):
        assert (await client.get(path)).json() == {"status": "alive"}


async def test_what_can_be_asked_of_server_and_model(client: httpx.AsyncClient, state: State) -> None:
    state.contract = Contract(mode="schema", parameters=(Value("x", "numpy", dtype="float32", shape=(-1, 2)),))
    assert "binary_tensor_data" in (await client.get("/v2")).json()["extensions"]
    for path in ("/v2/health/live", "/v2/health/ready"):
        assert (await client.get(path)).json() == {"live": True, "ready": True}
    for version in ("", "/versions/7"):
        told = (await client.get(f"/v2/models/digits{version}")).json()
        assert told["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}] and told["versions"] == ["7"]
        assert (await client.get(f"/v2/models/digits{version}/ready")).json()["ready"] is True
        assert (await client.get(f"/v2/models/digits{version}/config")).json()["input"][0]["data_type"] == "TYPE_FP32"
    assert (await client.get("/v2/models")).json() == {"models": ["digits"]}
    index = (await client.post("/v2/repository/index", json={})).json()
    assert index == [{"name": "digits", "version": "7", "state": "READY", "reason": ""}]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v2/models/other/infer", 404, "unknown model other; the model is digits"),
        ("POST", "/v2/models/digits/versions/6/infer", 404, "unknown version 6 of digits; the version is 7"),
        ("GET", "/v2/models/other", 404, "unknown model other"),
        ("GET", "/v2/models/digits/versions/6/ready", 404, "unknown version 6"),
        ("POST", "/v1/models/other:predict", 404, "unknown model other"),
        ("GET", "/v1/models/other", 404, "unknown model other"),
        ("POST", "/v1/models/digits:explain", 501, "no explainers"),
        ("POST", "/v2/models/digits/explain", 501, "no explainers"),
        ("POST", "/v2/repository/models/digits/load", 501, "deploy another revision"),
        ("POST", "/v2/repository/models/digits/unload", 501, "deploy another revision"),
        ("GET", "/v2/nothing", 404, "nothing at GET /v2/nothing"),
        ("DELETE", "/v1/models/digits", 404, "nothing at DELETE /v1/models/digits"),
    ],
)
async def test_what_is_not_here_is_said_in_the_form_of_the_protocol(
    client: httpx.AsyncClient, method: str, path: str, status: int, message: str
) -> None:
    response = await client.request(method, path, json=None if method == "GET" else {**INFER, "instances": []})
    assert response.status_code == status and list(response.json()) == ["error"]
    assert message in response.json()["error"] and response.headers["content-type"] == "application/json"


async def test_nothing_is_ready_before_a_revision_serves(client: httpx.AsyncClient, state: State) -> None:
    state.settings, state.contract, state.reason = None, None, "the revision is loading"
    for path in ("/v2/health/ready", "/v2/models/digits/ready", "/v2/models/digits", "/v1/models/digits", "/ping"):
        assert (await client.get(path)).status_code == 503
    assert (await client.get("/health")).status_code == 503
    live = await client.get("/v2/health/live")
    assert live.status_code == 200 and live.json() == {"live": True, "ready": False}
    for path in ("/v2/models/digits/infer", "/v1/models/digits:predict", "/invocations"):
        response = await client.post(path, json={**INFER})
        assert response.status_code == 503 and response.headers["retry-after"] == "1"
        assert "the revision is loading" in response.text


async def test_a_worker_that_is_lost_for_a_while_makes_the_model_unready(
    client: httpx.AsyncClient, state: State
) -> None:
    state.reason = "the worker process died and is being restarted"
    for path in ("/v2/health/ready", "/v2/models/digits/ready", "/v1/models/digits", "/ping", "/health"):
        response = await client.get(path)
        assert response.status_code == 503 and state.reason in response.text


@pytest.mark.parametrize(
    ("path", "key"),
    [("/v2/models/digits/infer", "error"), ("/v1/models/digits:predict", "error"), ("/invocations", "message")],
)
async def test_an_error_of_the_script_keeps_its_status_and_message(
    client: httpx.AsyncClient, state: State, path: str, key: str
) -> None:
    state.outcome = Outcome(500, b'{"message": "ZeroDivisionError: division by zero"}', "7", "", run_failed=True)
    content = {"instances": [1]} if key == "message" or "v1" in path else INFER
    response = await client.post(path, json=content)
    assert response.status_code == 500 and response.json()[key] == "ZeroDivisionError: division by zero"


async def test_a_body_over_the_limit_is_refused_inflated_or_not(client: httpx.AsyncClient, state: State) -> None:
    large = json.dumps({"inputs": [TENSOR], "id": "x" * 10_000}).encode()
    plain = await client.post("/v2/models/digits/infer", content=large)
    packed = await client.post(
        "/v2/models/digits/infer", content=gzip.compress(large), headers={"content-encoding": "gzip"}
    )
    assert (plain.status_code, packed.status_code) == (413, 413) and state.calls == []


async def test_compressed_both_ways(client: httpx.AsyncClient, state: State) -> None:
    state.outcome = Outcome(200, json.dumps([0.5] * 2000).encode(), "7", "")
    headers = {"content-encoding": "gzip", "accept-encoding": "gzip"}
    body = gzip.compress(json.dumps(INFER).encode())
    response = await client.post("/v2/models/digits/infer", content=body, headers=headers)
    assert response.headers["content-encoding"] == "gzip" and int(response.headers["content-length"]) < 1000
    assert response.json()["outputs"][0]["data"] == [0.5] * 2000


async def test_mlflow_and_sagemaker(client: httpx.AsyncClient, state: State) -> None:
    assert (await client.post("/invocations", json={"inputs": [1]})).json() == {"predictions": [1.5]}
    plain = await client.post("/invocations", json={"data": [1]})
    assert (plain.text, plain.headers["content-type"]) == ("[1.5]", "application/json")
    csv = await client.post("/invocations", content="a\n1\n", headers={"content-type": "text/csv"})
    assert csv.json() == {"predictions": [1.5]}
    other = await client.post("/invocations", content="a", headers={"content-type": "text/plain"})
    assert other.status_code == 415 and "text/csv" in other.json()["message"]
    assert (await client.get("/ping")).status_code == 200
    assert (await client.get("/health")).status_code == 200
    assert (await client.get("/version")).text


async def test_a_response_of_the_scripts_own_is_passed_on_piece_by_piece(
    client: httpx.AsyncClient, state: State
) -> None:
    state.contract = Contract(mode="http", wants_headers=True)
    pieces = BodyStream(lambda: None, lambda: None, lambda: None)
    for piece in (b"two", b"three"):
        pieces.put(piece)
    pieces.end(broken=False)
    headers = [(b"content-type", b"image/png"), (b"x-own", b"1"), (b"content-length", b"99")]
    state.outcome = Outcome(201, b"one", "7", "", headers=headers, rest=pieces)
    response = await client.post("/invocations", content=b"\x89PNG", headers={"content-type": "image/png"})
    assert (response.status_code, response.content) == (201, b"onetwothree")
    assert response.headers["x-own"] == "1" and response.headers["content-type"] == "image/png"
    (call,) = state.calls
    assert (call.kind, call.body) == ("http", b"\x89PNG") and (b"content-type", b"image/png") in call.headers


async def test_headers_go_to_a_script_only_when_it_asks(client: httpx.AsyncClient, state: State) -> None:
    await client.post("/v2/models/digits/infer", json=INFER)
    state.contract = Contract(wants_headers=True)
    await client.post("/v2/models/digits/infer", json=INFER, headers={"x-who": "me"})
    assert state.calls[0].headers == [] and (b"x-who", b"me") in state.calls[1].headers


async def test_a_client_that_has_gone_is_counted_as_such(client: httpx.AsyncClient, state: State) -> None:
    state.outcome = ClientGoneError()
    await client.post("/v2/models/digits/infer", json=INFER)
    assert state.counted[0][:2] == ("open_inference", 499)
