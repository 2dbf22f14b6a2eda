"""The document at /openapi.json: every route of this server, in OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

import localmodel_server
from localmodel_server.configuration.settings import Settings
from localmodel_server.documents import swagger
from localmodel_server.documents.operations import AS_THE_SCRIPT, Document
from localmodel_server.messages.contract import Contract

_Responses = dict[Any, Document]


def _json(description: str, schema: Document | None = None) -> Document:
    return {"description": description, "content": {"application/json": {"schema": schema or {"type": "object"}}}}


def _error(description: str) -> Document:
    return _json(description, {"$ref": "#/components/schemas/Error"})


_UNREADY = _error("Nothing can answer now; the message says why. Try again.")
_REVISION = {"type": "object", "required": ["revision"], "properties": {"revision": {"type": "string"}}}
_TEXT: Document = {"schema": {"type": "string"}}

HEALTH: dict[str, _Responses] = {
    "/": {200: {"description": "Healthy", "content": {"text/html": _TEXT}}, 503: _UNREADY},
    "/livez": {200: _json("The server runs.")},
    "/readyz": {200: _json("A revision serves.", _REVISION), 503: _UNREADY},
}
METRICS: _Responses = {
    200: {"description": "The figures.", "content": {"text/plain": _TEXT, "application/openmetrics-text": _TEXT}}
}
DOCUMENT: _Responses = {200: _json("The document.")}
SWAGGER: _Responses = {
    **DOCUMENT,
    404: _error("There is no such version."),
    500: _error("A document of the user's own cannot be read."),
    503: _UNREADY,
}
SWAGGER_PARAMETERS = [
    {
        "name": "version",
        "in": "query",
        "schema": {"type": "string", "enum": list(swagger.VERSIONS), "default": swagger.DEFAULT},
    }
]

_AS_THE_SCRIPT_ANSWERS: Document = {"description": "What the script answered.", "content": {"*/*": {}}}
_IDS = {
    "RequestId": {"name": "x-request-id", "description": "Echoed in the answer, and in the log"},
    "ClientRequestId": {"name": "x-ms-client-request-id", "description": "Echoed in the answer"},
}
_HEADERS = {
    "x-request-id": "The id that came with the request, or a new one",
    "x-ms-request-id": "The older name of it",
    "x-localmodel-revision": "The revision that answered",
}


def document(routes: Sequence[BaseRoute], contract: Contract | None, settings: Settings | None) -> Document:
    """The document for the routes and for /score, with as much as the serving script declares."""
    made = get_openapi(
        title="model" if settings is None else settings.model_name,
        version=localmodel_server.__version__,
        description="A model served by LocalModelDeployment. Errors are JSON objects with a message.",
        openapi_version="3.1.0",
        routes=routes,
    )
    for operations in made["paths"].values():
        for operation in operations.values():
            if operation.pop(AS_THE_SCRIPT, False) and contract is not None and contract.mode == "http":
                operation["requestBody"] = {"content": {"*/*": {}}}
                operation["responses"] = {"default": dict(_AS_THE_SCRIPT_ANSWERS)}
    made["paths"]["/score"] = _score(contract or Contract())
    if settings is not None and settings.service_path_prefix:
        made["servers"] = [{"url": settings.service_path_prefix}]
    error = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}}
    # Without FastAPI's own: nothing here is answered with its 422.
    components = made["components"] = {"schemas": {"Error": error}}
    components["parameters"] = {
        name: {**parameter, "in": "header", "schema": {"type": "string", "maxLength": 100}}
        for name, parameter in _IDS.items()
    }
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()
    }
    for operations in made["paths"].values():
        for operation in operations.values():
            _add_what_all_have(operation)
    return made


def _add_what_all_have(operation: Document) -> None:
    ids = [{"$ref": f"#/components/parameters/{name}"} for name in _IDS]
    operation["parameters"] = [*operation.get("parameters", []), *ids]
    responses = operation["responses"]
    if not {"4XX", "431", "default"} & set(responses):
        responses["431"] = _error("An id is longer than 100 characters.")
    for response in responses.values():
        response.setdefault("headers", {}).update({name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS})


def _score(contract: Contract) -> Document:
    declared = contract.swagger if contract.mode == "schema" else {}
    takes = {"application/json": {"schema": declared["input"]}} if "input" in declared else {"*/*": {}}
    gives: Document = {"description": "What the script returned.", "content": {"application/json": {}}}
    if "output" in declared:
        gives["content"]["application/json"]["schema"] = declared["output"]
    responses: Document = {
        "200": gives,
        "4XX": _error("The request cannot be answered; the message says what is wrong with it."),
        "5XX": _error("The script failed, took too long, or cannot be asked now."),
    }
    if contract.mode == "http":
        # The script answers as it likes.
        responses = {"default": dict(_AS_THE_SCRIPT_ANSWERS)}
    query = {"name": "query", "in": "query", "schema": {"type": "object", "additionalProperties": True}}
    empty = responses if contract.mode == "http" else {"200": {"description": "No body."}}
    return {
        "post": {
            "summary": "Call the script's run()",
            "operationId": "score",
            "requestBody": {"content": takes, "required": "input" in declared},
            "responses": responses,
        },
        "get": {
            "summary": "Call the script's run() with the query as a JSON object",
            "operationId": "score_query",
            "parameters": [query],
            "responses": {code: dict(response) for code, response in responses.items()},
        },
        "options": {
            "summary": "What a browser asks first",
            "operationId": "score_options",
            "responses": {code: dict(response) for code, response in empty.items()},
        },
    }
