"""Where a proxy leaves its prefix in the path, the server answers below it, too."""

from __future__ import annotations

import re

import pytest
from test_server_swagger import client

from localmodel.resource.rules import COUNTERPARTS
from localmodel.resource.schema import resource_schema
from localmodel_server.http import below_prefix


@pytest.mark.parametrize(
    ("target", "prefix", "wanted"),
    [
        ("/team/digits/score", "/team/digits", "/score"),
        ("/team/digits/swagger.json?version=3", "/team/digits", "/swagger.json?version=3"),
        ("/team/digits", "/team/digits", "/"),
        ("/team/digits/", "/team/digits", "/"),
        ("/team/digits?a=1", "/team/digits", "/?a=1"),
        ("/score", "/team/digits", "/score"),
        ("/team/digits2/score", "/team/digits", "/team/digits2/score"),
        ("/team", "/team/digits", "/team"),
        ("/team/digits/team/digits/score", "/team/digits", "/team/digits/score"),
        ("/v2/models/a/infer", "/v2", "/v2/models/a/infer"),
        ("/score", "/score", "/score"),
    ],
)
def test_the_prefix_is_taken_away_once_and_where_it_is_whole(target: str, prefix: str, wanted: str) -> None:
    assert below_prefix.without(target.encode(), prefix) == wanted.encode()


def test_every_route_of_the_server_stays_reachable() -> None:
    paths = client().get("/openapi.json").json()["paths"]
    assert {path.split("/")[1] for path in paths} - {""} <= below_prefix.OWN
    service = resource_schema()["properties"]["spec"]["properties"]["service"]["properties"]
    (rule,) = service["path"]["x-kubernetes-validations"]
    assert set(re.findall(r"[a-z0-9.]+", rule["rule"].split("(")[2].replace("\\", ""))) == below_prefix.OWN
    refused = COUNTERPARTS[rule["message"]]
    for route in below_prefix.OWN:
        assert set(refused(f"/{route}/a")) and not set(refused(f"/{route}s"))


def test_the_documents_lead_back_to_where_the_client_has_called() -> None:
    behind = client(SERVICE_PATH_PREFIX="/team/digits")
    headers = {"host": "ml.example", "x-forwarded-proto": "https"}
    document = behind.get("/swagger.json", headers=headers).json()
    assert (document["schemes"], document["host"]) == (["https"], "ml.example")
    assert "/team/digits/score" in document["paths"]
    third = behind.get("/swagger.json?version=3", headers=headers).json()
    assert third["servers"] == [{"url": "https://ml.example"}] and "/team/digits/score" in third["paths"]
    everything = behind.get("/openapi.json", headers=headers).json()
    assert everything["servers"] == [{"url": "/team/digits"}] and "/v2/models/{model}/infer" in everything["paths"]
    assert client().get("/swagger.json", headers={"host": "ml.example"}).json()["schemes"] == ["http"]
