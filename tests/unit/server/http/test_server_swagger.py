from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator, OpenAPIV31SpecValidator, validate

from localmodel_server.configuration.settings import read_settings
from localmodel_server.http.routes import build_health_routes, build_routes
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.metrics import Metrics
from localmodel_server.state import ServerState

INPUT = {
    "type": "object",
    "properties": {
        "data": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "number", "format": "double"}},
            "format": "numpy.ndarray",
        }
    },
    "required": ["data"],
    "example": {"data": [[1.0, 2.0]]},
}
OUTPUT = {"type": "array", "items": {"type": "integer", "format": "int64"}, "example": [1]}
SCHEMA = Contract(
    "schema", (Value("data", "numpy", dtype="float64", shape=(-1, 2)),), swagger={"input": INPUT, "output": OUTPUT}
)
CLASSES: dict[str, Any] = {
    "2": OpenAPIV2SpecValidator,
    "2.0": OpenAPIV2SpecValidator,
    "3": OpenAPIV30SpecValidator,
    "3.0": OpenAPIV30SpecValidator,
    "3.1": OpenAPIV31SpecValidator,
}


class Client:
    """Asks an application without a server, one request at a time."""

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://127.0.0.1:6789") as asking:
                return await asking.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)


def client(contract: Contract | None = SCHEMA, health: bool = False, **variables: str) -> Client:
    settings = None if contract is None else read_settings({"LOCALMODEL_REVISION": "7", **variables}, cpus=1)
    reason = "init() has not returned yet" if contract is None else None
    state = SimpleNamespace(
        settings=settings, contract=contract, revision="7", metrics=Metrics(), unready_reason=lambda: reason
    )
    build = build_health_routes if health else build_routes
    return Client(build(cast(ServerState, state)))


def schemas(document: Any) -> Any:
    return document["definitions"] if "definitions" in document else document["components"]["schemas"]


@pytest.mark.parametrize("strict", ["true", "false"])
@pytest.mark.parametrize("contract", [SCHEMA, Contract(), Contract("http")], ids=["schema", "text", "http"])
@pytest.mark.parametrize("version", ["2", "2.0", "3", "3.0", "3.1"])
def test_every_version_is_a_valid_document(version: str, contract: Contract, strict: str) -> None:
    answer = client(contract, LOCALMODEL_STRICT_PARITY=strict, SERVICE_PATH_PREFIX="api").get(
        "/swagger.json", params={"version": version}
    )
    assert answer.status_code == 200
    document = answer.json()
    validate(document, cls=CLASSES[version])
    assert (document.get("swagger") or document["openapi"][:3]) == {"2": "2.0", "3": "3.0"}.get(version, version)
    assert document["paths"]["/api/score"]["post"]["operationId"] == "RunMLService"


def test_version_2_without_being_asked() -> None:
    document = client(SERVICE_NAME="Digits", SERVICE_VERSION="4").get("/swagger.json").json()
    assert document["swagger"] == "2.0"
    assert (document["info"]["title"], document["info"]["version"]) == ("Digits", "4")
    assert set(document["paths"]) == {"/", "/score", "/swagger.json"}


def test_schemas_are_those_of_the_script() -> None:
    for version in CLASSES:
        found = schemas(client().get(f"/swagger.json?version={version}").json())
        assert (found["ServiceInput"], found["ServiceOutput"]) == (INPUT, OUTPUT)


@pytest.mark.parametrize("mode", ["text", "http"])
def test_without_decorators_any_object_will_do(mode: str) -> None:
    found = schemas(client(Contract(mode, swagger={"input": INPUT, "output": OUTPUT})).get("/swagger.json").json())
    assert found["ServiceInput"] == {"type": "object", "example": {}}


def test_the_documents_lead_back_to_this_server() -> None:
    found = client().get("/swagger.json").json()
    assert (found["schemes"], found["host"]) == (["http"], "127.0.0.1:6789")
    assert client().get("/swagger.json?version=3").json()["servers"] == [{"url": "http://127.0.0.1:6789"}]
    assert "Bearer" not in json.dumps(found)


def test_a_host_that_is_none_is_not_repeated() -> None:
    for host in ('x"><script>', "a/b", "a b", ""):
        document = client().get("/swagger.json?version=3", headers={"host": host}).json()
        assert "servers" not in document


def test_strict_parity_claims_https_and_a_key() -> None:
    found = client(LOCALMODEL_STRICT_PARITY="true").get("/swagger.json").json()
    assert found["schemes"] == ["https"]
    assert found["paths"]["/score"]["post"]["security"] == [{"Bearer": []}]


@pytest.mark.parametrize("version", ["1", "4", "", "3.1.0", "\u00e9"])
def test_a_version_that_nobody_knows(version: str) -> None:
    answer = client().get("/swagger.json", params={"version": version})
    assert answer.status_code == 404
    assert "2.0, 3.0, 3.1" in answer.json()["message"]


def test_a_version_that_the_schema_cannot_be_written_in() -> None:
    asked = client(replace(SCHEMA, versions=("3.0", "3.1")))
    assert asked.get("/swagger.json?version=2").status_code == 404
    assert asked.get("/swagger.json?version=3").status_code == 200


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("swagger.json", {"2", "2.0"}),
        ("swagger2.json", {"2", "2.0"}),
        ("swagger3.json", {"3", "3.0"}),
        ("swagger3.1.json", {"3.1"}),
    ],
)
def test_a_users_own_document_takes_the_place_of_ours(name: str, versions: set[str], tmp_path: Path) -> None:
    (tmp_path / name).write_text('{"mine": true}')
    asked = client(replace(SCHEMA, versions=()), AML_APP_ROOT=str(tmp_path))
    answers = {version: asked.get(f"/swagger.json?version={version}") for version in CLASSES}
    assert {version for version, answer in answers.items() if answer.status_code == 200} == versions
    assert all(answers[version].json() == {"mine": True} for version in versions)


@pytest.mark.parametrize("text", ["{", "[]", "\udcff", "[" * 100_000, '{"a": 1e400}', '{"a": NaN}'])
def test_a_users_own_document_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "swagger3.json").write_text(text, errors="surrogateescape")
    answer = client(AML_APP_ROOT=str(tmp_path)).get("/swagger.json?version=3")
    assert answer.status_code == 500
    assert answer.json()["message"].startswith("swagger3.json in AML_APP_ROOT ")


def test_before_a_revision_serves_there_is_nothing_to_describe() -> None:
    answer = client(None).get("/swagger.json")
    assert (answer.status_code, answer.json()) == (503, {"message": "init() has not returned yet"})


@pytest.mark.parametrize(
    "contract", [None, SCHEMA, Contract(), Contract("http")], ids=["none", "schema", "text", "http"]
)
def test_the_document_of_all_routes_is_valid_and_has_them(contract: Contract | None) -> None:
    asked = client(contract)
    document = asked.get("/openapi.json").json()
    validate(document, cls=OpenAPIV31SpecValidator)
    expected = {"/", "/livez", "/readyz", "/metrics", "/swagger.json", "/openapi.json", "/score"}
    assert set(document["paths"]) >= expected
    assert asked.get("/openapi.json").json() == document, "asking twice makes it grow"
    for path in expected - {"/score"}:
        answer = asked.get(path)
        content = document["paths"][path]["get"]["responses"][str(answer.status_code)]["content"]
        assert re.match("[^;]*", answer.headers["content-type"])[0] in content  # type: ignore[index]


def test_the_other_dialects_are_in_it() -> None:
    document = client().get("/openapi.json").json()
    paths = document["paths"]
    assert set(paths["/v2/models/{model}/infer"]["post"]["responses"]) == {"200", "4XX", "5XX"}
    assert set(paths["/v2/models/{model}/explain"]["post"]["responses"]) == {"501", "4XX", "5XX"}
    assert "application/octet-stream" in paths["/v2/models/{model}/infer"]["post"]["requestBody"]["content"]
    assert set(paths["/ping"]["get"]["responses"]["200"]) == {"description", "headers"}
    assert "422" not in json.dumps(document)
    assert (
        "default" in client(Contract("http")).get("/openapi.json").json()["paths"]["/invocations"]["post"]["responses"]
    )


def test_what_run_takes_is_in_it() -> None:
    post = client().get("/openapi.json").json()["paths"]["/score"]["post"]
    assert post["requestBody"] == {"content": {"application/json": {"schema": INPUT}}, "required": True}
    assert post["responses"]["200"]["content"]["application/json"]["schema"] == OUTPUT
    assert client(Contract()).get("/openapi.json").json()["paths"]["/score"]["post"]["requestBody"]["required"] is False


def test_health() -> None:
    for asked in (client(), client(health=True)):
        answer = asked.get("/")
        assert (answer.status_code, answer.text) == (200, "Healthy")
        assert answer.headers["content-type"].startswith("text/html")
        assert asked.request("HEAD", "/").status_code == 200
        assert asked.get("/livez").status_code == 200
        assert asked.get("/readyz").json() == {"revision": "7"}


def test_health_before_a_revision_serves() -> None:
    for asked in (client(None), client(None, health=True)):
        assert asked.get("/livez").status_code == 200
        for path in ("/", "/readyz"):
            answer = asked.get(path)
            assert (answer.status_code, answer.json()) == (503, {"message": "init() has not returned yet"})


def test_other_paths_and_methods_are_json_errors() -> None:
    answer = client().get("/nowhere")
    assert (answer.status_code, list(answer.json())) == (404, ["message"])
    answer = client().request("POST", "/metrics")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert client(health=True).get("/metrics").status_code == 404


def test_metrics() -> None:
    answer = client().get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["content-type"].count("charset") == 1
    assert "localmodel_serving_info" in answer.text


def test_a_preflight_is_answered_on_every_path_when_origins_are_allowed() -> None:
    asks = {"origin": "https://a.example", "access-control-request-method": "GET"}
    assert client(AML_CORS_ORIGINS="*").request("OPTIONS", "/swagger.json", headers=asks).status_code == 200
    assert client().request("OPTIONS", "/swagger.json", headers=asks).status_code == 405
