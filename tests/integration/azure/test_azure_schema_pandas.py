"""Scripts whose run() takes pandas tables by inference-schema, in every form that a table has in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure_scripts import JSON, PANDAS, serving

TABLE = """
@input_schema("data", PandasParameterType(pandas.DataFrame({"n": [1.5], "w": ["a"], "i": [1]}), orient="ORIENT"))
def run(data):
    rows = json.loads(data.to_json(orient="values"))
    return {"columns": [str(each) for each in data.columns], "rows": rows, "types": [each.kind for each in data.dtypes]}
"""
FIELDS = [{"name": "index", "type": "integer"}, {"name": "n", "type": "number"}]
FIELDS += [{"name": "w", "type": "string"}, {"name": "i", "type": "integer"}]
TABLE_SCHEMA = {"fields": FIELDS, "primaryKey": ["index"], "pandas_version": "1.4.0"}
ORIENTS: dict[str, tuple[Any, Any]] = {
    "records": ([{"n": 1, "w": "b", "i": 2}, {"w": "c", "i": 3, "n": 0.5}], [{"n": 1, "w": "b"}]),
    "split": (
        {"columns": ["n", "w", "i"], "index": [0, 1], "data": [[1, "b", 2], [0.5, "c", 3]]},
        {"columns": ["n", "w"], "index": [0], "data": [[1, "b"]]},
    ),
    "index": ({"0": {"n": 1, "w": "b", "i": 2}, "1": {"n": 0.5, "w": "c", "i": 3}}, {"0": {"n": 1, "w": "b"}}),
    "columns": (
        {"n": {"0": 1, "1": 0.5}, "w": {"0": "b", "1": "c"}, "i": {"0": 2, "1": 3}},
        {"n": {"0": 1}, "w": {"0": "b"}},
    ),
    "values": ([[1, "b", 2], [0.5, "c", 3]], [[1, "b"]]),
    "table": (
        {
            "schema": TABLE_SCHEMA,
            "data": [{"index": 0, "n": 1, "w": "b", "i": 2}, {"index": 1, "n": 0.5, "w": "c", "i": 3}],
        },
        {
            "schema": {**TABLE_SCHEMA, "fields": TABLE_SCHEMA["fields"][:3]},
            "data": [{"index": 0, "n": 1, "w": "b"}],
        },
    ),
}
DATES = (
    PANDAS
    + """
SAMPLE = pandas.DataFrame({"t": [pandas.Timestamp("2020-01-02")], "d": [pandas.Timedelta("1 day")], "b": [True]})
@input_schema("data", PandasParameterType(SAMPLE))
def run(data):
    return {"t": [str(each) for each in data["t"]], "d": [str(each) for each in data["d"]], "b": data["b"].tolist()}
"""
)
FREE = (
    PANDAS
    + """
@input_schema("data", PandasParameterType(pandas.DataFrame({"n": [1.5]}), enforce_shape=False))
def run(data):
    return {str(name): str(dtype) for name, dtype in data.dtypes.items()}
"""
)


@pytest.mark.parametrize("orient", list(ORIENTS))
def test_a_table_in_each_orient(tmp_path: Path, orient: str) -> None:
    good, narrow = ORIENTS[orient]
    with serving(tmp_path, PANDAS + TABLE.replace("ORIENT", orient)) as server:
        reply = server.score({"data": good}, JSON)
        assert reply.status == 200, reply.body
        assert reply.json["rows"] == [[1.0, "b", 2], [0.5, "c", 3]]
        if orient != "values":
            assert reply.json["columns"] == ["n", "w", "i"]
            assert reply.json["types"][0::2] == ["f", "i"]
        for wrong in (narrow, "text", 5, None):
            refused = server.score({"data": wrong}, JSON)
            assert refused.status == 400, wrong
            assert "does not fit the schema of run()" in refused.message
        if orient == "records":
            renamed = server.score({"data": [{"x": 1, "y": "b", "z": 2}]}, JSON).json
            assert renamed["columns"] == ["x", "y", "z"], "only their number is checked, as in the original"
            assert "column 'n'" in server.score({"data": [{"n": "q", "w": "b", "i": 1}]}, JSON).message


def test_dates_and_durations(tmp_path: Path) -> None:
    with serving(tmp_path, DATES) as server:
        row = {"t": "2021-03-04T05:06:07", "d": "2 days", "b": False}
        assert server.score({"data": [row]}, JSON).json == {
            "t": ["2021-03-04 05:06:07"],
            "d": ["2 days 00:00:00"],
            "b": [False],
        }
        assert server.score({"data": [{**row, "t": "nonsense"}]}, JSON).status == 400


def test_columns_beyond_the_samples_when_the_shape_is_free(tmp_path: Path) -> None:
    with serving(tmp_path, FREE) as server:
        assert server.score({"data": [{"n": 1, "more": "x"}]}, JSON).json == {"n": "float64", "more": "object"}
