"""What a body costs to decode, told from its bytes."""

from __future__ import annotations

import json

import pytest

from localmodel_server.dialects.oip import infer_request
from localmodel_server.dialects.oip.result_tensors import tensors_of
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.messages.cost import MOST_ON_LOOP, of_csv, of_json
from localmodel_server.payloads.json_text import load
from localmodel_server.payloads.tables import from_records

ALL = 1 << 40


def test_a_short_body_needs_no_look() -> None:
    assert of_json(b"[" * 100_000, ALL).most == of_csv(b"\n" * 10_000, ALL).most == 0


@pytest.mark.parametrize("unit", [b"[],", b"{},", b"0,", b'"a":0,', b'"ab",'])
def test_a_value_costs_what_python_takes_for_it_at_least(unit: bytes) -> None:
    cost = of_json(unit * 100_000, ALL)
    assert 3_000_000 < cost.least < 20_000_000
    assert of_json(unit * 1_000_000, ALL).least == pytest.approx(10 * cost.least, rel=0.01)


def test_a_long_text_costs_little_more_than_its_length() -> None:
    assert of_json(b'"' + b"x" * 1_000_000 + b'"', ALL).least < 1_100_000
    assert of_json(b'"' + b"\\u20ac" * 100_000 + b'"', ALL).least > 2_000_000


def test_counting_ends_when_enough_is_known() -> None:
    text = b"[]," * 10_000_000
    assert MOST_ON_LOOP < of_json(text).least < 2 * MOST_ON_LOOP
    assert not of_json(text).is_small and not of_csv(b"1\n" * 1_000_000).is_small
    assert of_json(b"0.5," * 100_000).is_small and of_csv(b"1,2\n" * 5_000).is_small


def test_binary_tensors_cost_nothing_where_numpy_takes_them() -> None:
    head = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1_000_000]}]}).encode()
    headers = [(b"inference-header-content-length", b"%d" % len(head))]
    array = Contract("schema", (Value("x", "numpy", dtype="float32", shape=(-1,)),))
    body = head + b"," * 4_000_000
    assert infer_request.cost(body, headers, array, MOST_ON_LOOP).is_small
    for contract in (Contract(), Contract("schema", (Value("x", "pandas"),))):
        cost = infer_request.cost(body, headers, contract, MOST_ON_LOOP)
        assert cost.least == 0 and not cost.is_small
    for other in (b"BYTES", b"\\u0042YTES"):
        changed = head.replace(b"FP32", other)
        headers = [(b"inference-header-content-length", b"%d" % len(changed))]
        assert not infer_request.cost(changed + b"\0" * 4_000_000, headers, array, MOST_ON_LOOP).is_small


@pytest.mark.parametrize("number", [2**63 - 1, 2**64 - 1, 2**64, -(2**63) - 1, 10**40])
def test_whole_numbers_are_read_exactly(number: int) -> None:
    text = f'{{"a": [{number}, -{number % 7}, "{number}"]}}'.encode()
    assert load(text) == {"a": [number, -(number % 7), str(number)]}


def test_a_result_with_a_number_of_more_than_64_bits_is_an_error_that_names_the_output() -> None:
    for result in ({"y": [2**64]}, {"y": 2**70}, [{"y": 2**64}, {"y": 0.5}]):
        with pytest.raises(BadRequestError, match="output y: ") as caught:
            tensors_of(result, None, "output-0")
        assert caught.value.status == 500
    (tensor,) = tensors_of([2**64 - 1], None, "output-0")
    assert tensor.datatype == "UINT64" and tensor.values == [2**64 - 1]


def test_objects_without_a_common_name_do_not_become_a_table_of_their_square() -> None:
    with pytest.raises(BadRequestError, match="1000 objects have 1000 names"):
        from_records([{str(number): 0} for number in range(1000)])
    assert from_records([{"a": 1}, {"b": 2}]).rows == [[1, None], [None, 2]]
