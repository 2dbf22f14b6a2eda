"""What clients that others have written hear from a real server."""

from __future__ import annotations

from typing import Any

import pytest
from clients import run_client


@pytest.fixture(scope="module")
def addresses(echo: str, arrays: str, tables: str) -> tuple[str, str, str]:
    return echo, arrays, tables


@pytest.fixture(scope="module")
def triton(addresses: tuple[str, str, str]) -> Any:
    return run_client("tritonclient", *addresses)


@pytest.fixture(scope="module")
def kserve(addresses: tuple[str, str, str]) -> Any:
    return run_client("kserve", *addresses)


@pytest.fixture(scope="module")
def mlflow(addresses: tuple[str, str, str]) -> Any:
    return run_client("mlflow", *addresses)


def test_triton_finds_the_server_and_its_model(triton: Any) -> None:
    assert (triton["live"], triton["ready"], triton["model ready"]) == (True, True, [True, True])
    assert triton["other model ready"] == [False, False]
    assert "binary_tensor_data" in triton["server"]["extensions"]
    assert triton["metadata"]["inputs"] == [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]
    assert triton["metadata"]["outputs"][0]["datatype"] == "FP64"
    assert triton["config"]["input"] == [{"name": "x", "data_type": "TYPE_FP64", "dims": [-1, 2]}]
    assert [(each["name"], each["state"]) for each in triton["index"]] == [("digits", "READY")]


def test_triton_sends_and_gets_every_type_in_json_and_binary(triton: Any) -> None:
    sent: dict[str, list[Any]] = {
        "FP64": [1.5, -2.0],
        "FP32": [1.5, -2.0],
        "FP16": [1.5, -2.0],
        "INT64": [1, -(2**63)],
        "INT8": [1, -128],
        "UINT64": [1, 2**64 - 1],
        "BOOL": [True, False],
        "BYTES": ["a", "\u00e4"],
    }
    assert len(triton["types"]) == 4 * len(sent) - 2
    for case, (shape, values) in triton["types"].items():
        assert (case, shape, values) == (case, [1, 2], sent[case.split()[0]])


def test_triton_gets_results_by_default_compressed_and_from_raw_bytes(triton: Any) -> None:
    assert triton["default"] == [[2.0, 4.0]]
    assert triton["gzip"] == ["gzip", True] and triton["deflate"] == ["deflate", True]
    assert triton["raw binary"] == [[2.0, 4.0], [6.0, 8.0]]
    assert triton["table"] == [[2, 4], ["A", "B"]]
    answer = triton["version and id"]
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("digits", "7", "42")


def test_triton_is_told_what_is_wrong(triton: Any) -> None:
    assert triton["other model"][1] == "unknown model other; the model is digits"
    assert triton["other version"][1] == "unknown version 6 of digits; the version is 7"
    assert "expected 2 columns, got 1" in triton["wrong shape"][1]
    for case in ("load", "unload"):
        assert "this server has one model" in triton[case][1]


def test_kserve_version_1(kserve: Any) -> None:
    told = kserve["v1"]
    assert told["live"] is True and told["model ready"] is True
    assert told["echo"] == told["prefix"] == {"predictions": [[1, 2]]}
    assert told["arrays"] == {"predictions": [[2.0, 4.0]]}
    assert told["tables"] == {"predictions": {"twice": [2, 4], "upper": ["A", "B"]}}
    assert told["explain"][0] == 501 and "this server has no explainers" in told["explain"][1]
    assert told["other model"][0] == 404 and "the model is digits" in told["other model"][1]
    assert told["no instances"][0] == 400


def test_kserve_version_2(kserve: Any) -> None:
    told = kserve["v2"]
    assert told["live"] == told["ready"] == [True, True] and told["model ready"] == [True, False]
    assert told["other model"][0] == 404
    assert told["FP16 True"] == ["42", [[1.5, 2.0]]]
    for binary in (True, False):
        assert told[f"FP64 {binary}"] == ["42", [[1.5, 2.0]]]
        assert told[f"INT32 {binary}"] == ["42", [[1, 2]]]
        assert told[f"BYTES {binary}"] == ["42", [["a", "b"]]]
    assert told["binary output"] == ["out", [[3.0, 4.0]]]


def test_mlserver_codecs(addresses: tuple[str, str, str]) -> None:
    told = run_client("mlserver", *addresses)
    assert told["array"] == [[3.0, 4.0], [6.0, 8.0]]
    assert told["texts"] == ["a", "\u00e4"]
    assert told["table"] == {"twice": [2, 4], "upper": ["A", "B"]}
    assert told["nan"] == [False, True]


def test_mlflow(mlflow: Any) -> None:
    table, array = {"twice": [2, 4], "upper": ["A", "B"]}, [[2.0, 4.0]]
    assert mlflow["frame"] == table and mlflow["array"] == array
    assert mlflow["named arrays"] == [200, {"predictions": {"a": [1, 2]}}]
    for form in ("example of a frame", "records", "csv", "azure"):
        assert (form, mlflow[form]) == (form, [200, {"predictions": table}])
    for form in ("example of an array", "instances"):
        assert (form, mlflow[form]) == (form, [200, {"predictions": array}])
    assert mlflow["two forms"][0] == 400 and mlflow["other type"][0] == 415


def test_sagemaker(mlflow: Any) -> None:
    assert mlflow["sagemaker"] == [200, [1, 2]]
