"""Made-up bytes for everything that reads bytes."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.server.scoring_server_process import ScoringServer
from wire import GET_LIVEZ, Closed, Wire, chunked, post

from localmodel_server.dialects import invocations, predict_request
from localmodel_server.dialects.oip import infer_request
from localmodel_server.dialects.oip.infer import InferRequest
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call, Headers, Outcome
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.payloads.azure import ScoreRequest as AzureRequest
from localmodel_server.payloads.script_call import Target
from localmodel_server.workers.job import Job, encode
from localmodel_worker.frames import FrameBuffer, FrameError, encode_prefix

SETTINGS = settings(
    max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
FEW = settings(SETTINGS, max_examples=60)


@SETTINGS
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_a_frame_buffer_refuses_garbage_or_waits(pieces: list[bytes]) -> None:
    buffer = FrameBuffer()
    try:
        for piece in pieces:
            buffer.feed(piece)
            while (frame := buffer.pop()) is not None:
                assert isinstance(frame.head, dict)
    except FrameError:
        pass


@SETTINGS
@given(st.dictionaries(st.text(), st.integers() | st.text()), st.binary(max_size=300), st.data())
def test_a_frame_with_a_flipped_byte_is_refused_or_waited_for(
    head: dict[str, Any], body: bytes, data: st.DataObject
) -> None:
    stream = bytearray(encode_prefix(json.dumps(head).encode(), len(body)) + body)
    stream[data.draw(st.integers(0, len(stream) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    buffer = FrameBuffer()
    buffer.feed(bytes(stream))
    try:
        while buffer.pop() is not None:
            pass
    except FrameError:
        pass


@FEW
@given(st.integers(0, 3_000_000), st.integers(1, 400_000))
def test_a_large_frame_survives_being_cut_anywhere(size: int, step: int) -> None:
    body = random.Random(size).randbytes(size)
    stream = encode_prefix(b'{"n": %d}' % size, size) + body + encode_prefix(b"{}", 0)
    buffer, frames = FrameBuffer(), []
    for start in range(0, len(stream), step):
        buffer.feed(stream[start : start + step])
        while (frame := buffer.pop()) is not None:
            frames.append(frame)
    assert frames == [({"n": size}, body), ({}, b"")]


@pytest.mark.parametrize("lengths", [(2**32 - 1, 0), (17 * 2**20, 0), (2, 2**64 - 1), (2, 2**40)])
def test_lengths_that_nobody_means_take_no_memory(lengths: tuple[int, int]) -> None:
    tracemalloc.start()
    try:
        buffer = FrameBuffer()
        buffer.feed(lengths[0].to_bytes(4, "little") + lengths[1].to_bytes(8, "little") + b"{}" + bytes(1000))
        try:
            assert buffer.pop() is None
        except FrameError:
            assert lengths[0] > 2
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


VALID = [
    post([1]),
    post({"a": 1}, path="/v2/models/m/infer", X_Request_Id="id"),
    chunked(b"[1", b"]"),
    chunked(b"[1]", trailers=b"x: y\r\n"),
    GET_LIVEZ,
    post([1], Connection="Upgrade", Upgrade="h2c"),
    post([1], Expect="100-continue"),
    GET_LIVEZ * 3 + post([1]),
]


@st.composite
def nearly_http(draw: st.DrawFn) -> bytes:
    """Requests with some bytes changed, left out, or put in."""
    data = bytearray(draw(st.sampled_from(VALID)) + draw(st.sampled_from([b"", *VALID])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        new = draw(
            st.sampled_from([b"", b"\r\n", b"\n", b"\0", b" ", b":", b"0", b"\xff", b"chunked"]) | st.binary(max_size=4)
        )
        data[at : at + draw(st.integers(0, 4))] = new
    return bytes(data)


def converse(server: ScoringServer, data: bytes) -> None:
    """Send it all and close our side; what comes back must be answers, and an error must be in JSON."""
    with Wire(server) as wire:
        try:
            wire.send(data)
            # Two ends of any request that is still open, the second of which is an error at the latest.
            wire.send(b"\r\n\r\n0\r\n\r\n").send(b"\0" * 4000 + b"\r\n\r\n")
            while True:
                reply = wire.answer()
                if reply.status >= 400:
                    assert reply.headers["content-type"] == "application/json"
                    assert isinstance(json.loads(reply.body).popitem()[1], str)
        except (Closed, BrokenPipeError, ConnectionResetError):
            pass


@FEW
@given(st.binary(min_size=1, max_size=2000))
def test_random_bytes_on_a_connection(echo: ScoringServer, data: bytes) -> None:
    converse(echo, data)


@SETTINGS
@given(nearly_http())
def test_requests_with_mistakes_on_a_connection(echo: ScoringServer, data: bytes) -> None:
    converse(echo, data)


WORDS = [
    "data",
    "inputs",
    "instances",
    "input_data",
    "dataframe_split",
    "dataframe_records",
    "columns",
    "index",
    "params",
    "parameters",
    "name",
    "shape",
    "datatype",
    "FP64",
    "INT8",
    "BYTES",
    "BOOL",
    "binary_data_size",
    "binary_data",
    "outputs",
    "classification",
    "id",
    "x",
    "frame",
    "times",
    "b64",
]
CONTRACTS = [
    Contract(),
    Contract(mode="http"),
    Contract(reads_json=True, run_batch=True),
    Contract("schema", (Value("x", "numpy", True, "float64", (-1, 2)),), rows=True),
    Contract("schema", (Value("x", "numpy", True, "int8", (-1, 2, 2)), Value("times", "standard", False))),
    Contract("schema", (Value("frame", "pandas", columns=(("x", "int64"), ("name", "object")), orient="records"),)),
    Contract("schema", (Value("frame", "pandas", columns=(("x", "int64"),), orient="split"), Value("x", "other"))),
    Contract("schema", (Value("x", "numpy", True, "float32", ()), Value("params", "standard", False))),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=4)
    | st.sampled_from([-1, 0, 1, 2, 2**31, 2**63, 2**64])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=30,
)
TENSOR = st.fixed_dictionaries(
    {"name": st.sampled_from(["x", "frame", "input-0"]), "shape": st.lists(st.integers(-1, 5), max_size=3) | TREES},
    optional={
        "datatype": st.sampled_from(["FP64", "FP32", "INT8", "UINT64", "BOOL", "BYTES", "FP16", "X"]) | TREES,
        "data": st.lists(st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=3), max_size=6) | TREES,
        "parameters": st.dictionaries(st.sampled_from(WORDS), TREES, max_size=2),
    },
)
BODIES = (
    st.dictionaries(st.sampled_from(WORDS), TREES, min_size=1, max_size=4)
    | TREES
    | st.fixed_dictionaries({"inputs": st.lists(TENSOR, max_size=3)}, optional={"outputs": TREES, "parameters": TREES})
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"content-type", b"inference-header-content-length", b"content-encoding", b"x"]),
        st.sampled_from([b"application/json", b"text/csv", b"application/octet-stream", b"0", b"10", b"gzip", b"\xff"]),
    ),
    max_size=3,
)


def calls(body: bytes, headers: Headers, contract: Contract) -> Iterator[Callable[[], Call]]:
    """What a body asks for in every dialect."""
    target = Target(contract)
    yield lambda: infer_request.decode(body, headers, target)[0]
    yield lambda: predict_request.decode(body, headers, target)
    yield lambda: invocations.decode(body, headers, target).call
    yield lambda: invocations.pass_on(body, headers, target)
    yield lambda: AzureRequest("POST", b"a=1&b=[", headers, body, False).call(contract)
    yield lambda: AzureRequest("GET", body, headers, b"", True).call(contract)


@pytest.mark.parametrize("contract", CONTRACTS, ids=range(len(CONTRACTS)))
@SETTINGS
@given(BODIES, st.binary(max_size=30), HEADERS)
def test_decoders_call_the_script_or_say_what_is_wrong(
    contract: Contract, content: Any, rest: bytes, headers: Headers
) -> None:
    text = json.dumps(content).encode()
    for body in (text, text + rest, rest, text[:-1]):
        for decode in calls(body, headers, contract):
            try:
                call = decode()
            except BadRequestError as error:
                assert error.status in (400, 413, 415)
            else:
                encode([Job("id", lambda _, call=call: call, contract, 0.0, print)])  # type: ignore[misc]


@SETTINGS
@given(TREES, st.lists(st.sampled_from(["x", "output-0"]), max_size=2, unique=True), st.booleans())
def test_results_of_any_form_are_written_or_refused(result: Any, outputs: list[str], binary: bool) -> None:
    asked = {
        "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}],
        "outputs": [{"name": name, "parameters": {"binary_data": binary}} for name in outputs],
    }
    request = InferRequest("m", [], json.dumps(asked).encode(), "data")
    for output in (
        None,
        Value("output-0", "numpy", True, "float64", (-1, -1)),
        Value("output-0", "numpy", True, "str", (-1,)),
    ):
        contract = Contract("schema", (Value("x", "numpy", True, "float64", (-1, 2)),), output)
        request.call(contract)
        body = json.dumps(result, allow_nan=True).encode()
        status, _, _ = request.answer(Outcome(200, body, "r", "m"))
        assert status in (200, 400, 500)
