"""Rows of several requests in one call of run(), and how a script that minds is found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from localmodel_worker.batch import RowBatcher, cut, is_close, split_rows

COUNTS = [1, 2, 1]
WHOLE = numpy.array([[1.0], [2.0], [3.0], [4.0]])


def run_often(run: Callable[[Any], Any], times: int = 5) -> tuple[list[Any], RowBatcher, int]:
    """The results of the last call, the batcher, and how often run() was called in that call."""
    calls = []

    def counted(rows: Any) -> Any:
        calls.append(rows)
        return run(rows)

    batcher = RowBatcher(counted)
    results: Any = None
    for _ in range(times):
        calls.clear()
        results = batcher.run(WHOLE.copy(), COUNTS) if batcher.trusted else None
    return results, batcher, len(calls)


@pytest.mark.parametrize(
    "run",
    [
        lambda rows: (rows * 2).tolist(),
        lambda rows: rows * 2,
        lambda rows: {"twice": (rows * 2).tolist(), "label": ["a" for _ in rows]},
    ],
    ids=["list", "array", "columns"],
)
def test_a_script_that_goes_row_by_row_is_called_once_for_all(run: Callable[[Any], Any]) -> None:
    results, batcher, calls = run_often(run)
    assert batcher.trusted
    assert calls == 1
    alone = [run(part) for part in cut(WHOLE, COUNTS)]
    assert [plain(each) for each in results] == [plain(each) for each in alone]


@pytest.mark.parametrize(
    "run",
    [
        lambda rows: (rows - rows.mean()).tolist(),
        lambda rows: float(rows.sum()),
        lambda rows: {"sum": float(rows.sum())},
        lambda rows: [float(rows.sum())] * len(rows),
        lambda rows: [len(rows)] * 4,
        lambda rows: rows.tolist()[0] if len(rows) == 1 else rows.tolist(),
        lambda rows: sorted(rows.tolist(), reverse=True),
        lambda rows: {"rows": rows.tolist(), "more": {"rows": rows.tolist()}},
        lambda rows: "four",
        lambda rows: None,
        lambda rows: {},
    ],
    ids=["mean", "sum", "sum in object", "sums", "fixed", "scalar", "sorted", "nested", "text", "none", "empty"],
)
def test_a_script_whose_results_are_not_one_for_each_row_is_found_out(run: Callable[[Any], Any]) -> None:
    _, batcher, _ = run_often(run)
    assert not batcher.trusted


def test_until_it_is_trusted_the_results_are_those_of_calls_alone() -> None:
    batcher = RowBatcher(lambda rows: (rows - rows.mean()).tolist())
    assert batcher.run(WHOLE, COUNTS) == [[[0.0]], [[-0.5], [0.5]], [[0.0]]]


def test_an_error_is_for_those_it_belongs_to() -> None:
    def run(rows: Any) -> Any:
        if 3.0 in rows:
            raise ValueError("three")
        return rows.tolist()

    batcher = RowBatcher(run)
    assert batcher.run(WHOLE, COUNTS) is None, "each is to be run alone"
    assert batcher.trusted


def test_small_differences_of_floats_are_none() -> None:
    nan = float("nan")
    assert is_close([1.0, {"a": nan}], [1.0 + 1e-12, {"a": nan}])
    assert not is_close(1.0, 1.001)
    assert not is_close(1, 1.0)
    assert not is_close([1], [1, 2])
    assert not is_close({"a": 1}, {"b": 1})
    assert is_close("a", "a")


def test_rows_are_cut_in_order() -> None:
    assert cut("abcd", [1, 2, 1]) == ["a", "bc", "d"]
    assert split_rows({"x": [1, 2, 3], "y": [4, 5, 6]}, [2, 1]) == [{"x": [1, 2], "y": [4, 5]}, {"x": [3], "y": [6]}]
    assert split_rows([1, 2], [1, 2]) is None
    assert split_rows(numpy.array(5.0), [1]) is None


def plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
