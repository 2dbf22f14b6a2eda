"""/swagger.json of scripts with and without a schema, in each version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure_scripts import NUMPY, PANDAS, STRICT, serving
from support.server.scoring_server_process import ScoringServer

PLAIN = "def init(): pass\ndef run(data): return data\n"
SCHEMA = (
    PANDAS
    + """
@input_schema("table", PandasParameterType(pandas.DataFrame({"age": [1]})))
@input_schema("matrix", NumpyParameterType(numpy.array([[1.0]])))
@output_schema(NumpyParameterType(numpy.array([1])))
def run(table, matrix, more=1):
    return [1]
"""
)
MIXED = NUMPY + '@input_schema("a", StandardPythonParameterType([1, "x"]))\ndef run(a):\n    return a\n'


@pytest.fixture(scope="module")
def decorated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("schema"), SCHEMA) as server:
        yield server


def schemas(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document["definitions"] if "swagger" in document else document["components"]["schemas"])


@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("", "2.0"),
        ("?version=2", "2.0"),
        ("?version=2.0", "2.0"),
        ("?version=3", "3.0.3"),
        ("?version=3.0", "3.0.3"),
        ("?version=3.1", "3.1.0"),
    ],
)
def test_the_schemas_of_the_script_in_each_version(decorated: ScoringServer, query: str, version: str) -> None:
    document = decorated.get("/swagger.json" + query).json
    assert document.get("swagger") or document["openapi"] == version
    assert set(document["paths"]) == {"/", "/score", "/swagger.json"}
    given = schemas(document)["ServiceInput"]
    assert given["type"] == "object"
    assert given["properties"]["table"]["format"] == "pandas.DataFrame:records"
    assert given["properties"]["matrix"]["items"]["items"] == {"type": "number", "format": "double"}
    assert given["properties"]["more"] == {}
    assert given["example"] == {"table": [{"age": 1}], "matrix": [[1.0]], "more": ""}
    assert schemas(document)["ServiceOutput"]["items"] == {"type": "integer", "format": "int64"}
    assert f"127.0.0.1:{decorated.port}" in json.dumps(document)


def test_a_version_that_there_is_not(decorated: ScoringServer) -> None:
    for version in ("1", "4", "latest", ""):
        reply = decorated.get(f"/swagger.json?version={version}")
        assert reply.status == 404
        assert "2.0, 3.0, 3.1" in reply.message


def test_a_schema_that_version_2_cannot_express(tmp_path: Path) -> None:
    with serving(tmp_path, MIXED) as server:
        assert "choose 3.0, 3.1" in server.get("/swagger.json").message
        assert server.get("/swagger.json?version=3").status == 200


def test_a_script_without_schema_takes_any_object(tmp_path: Path) -> None:
    with serving(tmp_path, PLAIN, SERVICE_NAME="digits", SERVICE_VERSION="4", SERVICE_PATH_PREFIX="api/v1") as server:
        for version in ("2", "3", "3.1"):
            document = server.get(f"/swagger.json?version={version}").json
            assert schemas(document)["ServiceInput"]["type"] == "object"
            assert (document["info"]["title"], document["info"]["version"]) == ("digits", "4")
            assert "/api/v1/score" in document["paths"]
        assert server.score(b"x").status == 200, "the routes stay where they are"
        for path in ("/score", "/v2/models/digits/infer?a=1", "/v2/models/nobody/infer"):
            asked = [server.request("POST", f"{prefix}{path}", b"{}") for prefix in ("", "/api/v1")]
            assert asked[0].status == asked[1].status, f"{path} is answered below the prefix, too"
        assert server.request("POST", "/api/v1/score", b"x").body == server.score(b"x").body
        assert server.get("/api/v1/livez").status == 200 and server.get("/api/v1x/livez").status == 404


def test_the_users_own_documents(tmp_path: Path) -> None:
    files = {"swagger.json": "2", "swagger3.json": "3", "swagger3.1.json": "3.1"}
    (tmp_path / "app").mkdir()
    for name, version in files.items():
        (tmp_path / "app" / name).write_text(json.dumps({"mine": version}))
    with serving(tmp_path, PLAIN) as server:
        for version in files.values():
            assert server.get(f"/swagger.json?version={version}").json == {"mine": version}
        (tmp_path / "app" / "swagger.json").rename(tmp_path / "app" / "swagger2.json")
        assert server.get("/swagger.json").json == {"mine": "2"}
        (tmp_path / "app" / "swagger2.json").write_text("{")
        reply = server.get("/swagger.json")
        assert reply.status == 500
        assert "swagger2.json in AML_APP_ROOT cannot be read: not JSON" in reply.message


def test_under_strict_parity_it_claims_https_and_a_key(tmp_path: Path) -> None:
    with serving(tmp_path, PLAIN, **STRICT) as server:
        document = server.get("/swagger.json").json
        assert document["schemes"] == ["https"]
        assert document["paths"]["/score"]["post"]["security"] == [{"Bearer": []}]
