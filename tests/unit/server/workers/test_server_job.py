"""Requests on their way, and the frames that ask a worker for them."""

from __future__ import annotations

from localmodel_server.messages.call import Array, Call
from localmodel_server.messages.contract import Contract
from localmodel_server.workers.job import Job, encode

ROWS = Contract(mode="schema", rows=True)
TEXTS = Contract(run_batch=True)


def job(call: Call, contract: Contract = ROWS, request_id: str = "a") -> Job:
    return Job(request_id, lambda _: call, contract, 0.0, lambda _: None)


def rows(count: int, columns: int = 2, dtype: str = "<f8") -> Call:
    return Call("arrays", bytes(8 * count * columns), (Array("x", dtype, (count, columns)),))


def test_arrays_of_the_same_columns_and_type_may_travel_together() -> None:
    assert job(rows(1)).batch_key == job(rows(5)).batch_key is not None
    assert job(rows(1, columns=3)).batch_key != job(rows(1)).batch_key
    assert job(rows(1, dtype="<f4")).batch_key != job(rows(1)).batch_key


def test_what_stays_alone() -> None:
    marked = job(rows(1))
    marked.alone = True
    two = (Array("x", "<f8", (1, 1)), Array("y", "<f8", (1, 1)))
    for each in (
        marked,
        job(rows(1), Contract(mode="schema")),
        job(Call("json", b"{}")),
        job(Call("arrays", b"", two)),
        job(Call("http", b""), Contract(mode="http", run_batch=True)),
        job(Call("text", b""), Contract()),
    ):
        assert each.batch_key is None
    assert job(Call("text", b""), TEXTS).batch_key is not None


def test_a_frame_of_one_request() -> None:
    head, pieces = encode([job(Call("text", b"ab", parsed=b"xyz", headers=[(b"x-a", b"\xe9")]), TEXTS)])
    assert head == {"kind": "text", "ids": ["a"], "parsed": 3, "headers": [["x-a", "\u00e9"]]}
    assert pieces == [b"ab", b"xyz"]
    head, _ = encode([job(Call("http", b"b", (), [], "GET", "/score?a=1"), Contract(mode="http"))])
    assert (head["method"], head["target"]) == ("GET", "/score?a=1")


def test_a_frame_of_several_arrays_is_one_array() -> None:
    head, pieces = encode([job(rows(1)), job(rows(3), request_id="b")])
    assert head == {"kind": "arrays", "ids": ["a", "b"], "arrays": [["x", "<f8", [4, 2]]], "rows": [1, 3]}
    assert sum(map(len, pieces)) == 4 * 2 * 8


def test_a_frame_of_several_texts() -> None:
    head, pieces = encode([job(Call("text", b"ab", parsed=b"xyz"), TEXTS), job(Call("text", b""), TEXTS)])
    assert head == {"kind": "text", "ids": ["a", "a"], "lengths": [2, 0]}
    assert pieces == [b"ab", b""]


def test_a_request_is_decoded_again_for_another_contract_only() -> None:
    met: list[Contract] = []

    def make(contract: Contract) -> Call:
        met.append(contract)
        return Call("text", b"")

    waiting = Job("a", make, TEXTS, 0.0, lambda _: None)
    waiting.fit(Contract(run_batch=True))
    assert len(met) == 1
    waiting.fit(ROWS)
    assert met == [TEXTS, ROWS]
