"""The document at /swagger.json: what Azure ML's clients read to learn how to ask this service."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from localmodel_server.configuration.settings import Settings
from localmodel_server.messages.contract import Contract
from localmodel_untrusted.files import UnreadableError, read_file
from localmodel_untrusted.json_text import parse

Document = dict[str, Any]

DEFAULT = "2"
_MOST_BYTES = 16 * 1024 * 1024  # of a document of the user's
VERSIONS = {"2": "2.0", "2.0": "2.0", "3": "3.0", "3.0": "3.0", "3.1": "3.1"}
_USER_FILES = {
    "2.0": ("swagger.json", "swagger2.json"),
    "3.0": ("swagger3.json",),
    "3.1": ("swagger3.1.json",),
}
_ANY_OBJECT = {"type": "object", "example": {}}
_ERROR = {"type": "object", "properties": {"message": {"type": "string"}}}
_BEARER = {"type": "apiKey", "name": "Authorization", "in": "header", "description": "Bearer, and a key or token"}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")


class NoSuchVersionError(Exception):
    """There is no document of the version asked for; the text says which there are."""


class BadUserFileError(Exception):
    """The user's own document cannot be read; the text names the file."""


def document(asked: str, contract: Contract, settings: Settings, host: str, scheme: str = "http") -> Document:
    """The document in the version asked for (`2`, `2.0`, `3`, `3.0`, `3.1`).

    host is what the client calls this server, with its port, and scheme how. Under strict parity the document claims
    https and a key, as it does where Azure ML's front end stands before the server.

    Raises:
        NoSuchVersionError
        BadUserFileError
    """
    version = VERSIONS.get(asked)
    own = None if version is None else _user_document(version, settings.app_root)
    if own is not None:
        return own
    if version is None or version not in contract.versions:
        there = ", ".join(sorted(set(contract.versions)))
        raise NoSuchVersionError(f"unknown swagger version {asked!r}; choose {there}")
    declared = contract.swagger if contract.mode == "schema" else {}
    schemas = {
        "ServiceInput": declared.get("input") or _ANY_OBJECT,
        "ServiceOutput": declared.get("output") or _ANY_OBJECT,
        "ErrorResponse": _ERROR,
    }
    if version == "2.0":
        return _version_2(schemas, settings, host, scheme)
    return _version_3("3.0.3" if version == "3.0" else "3.1.0", schemas, settings, host, scheme)


def _user_document(version: str, folder: Path) -> Document | None:
    for name in _USER_FILES[version]:
        try:
            text = read_file(folder / name, _MOST_BYTES)
            if text is None:
                continue
            content = parse(text)
        except UnreadableError as error:
            raise BadUserFileError(f"{name} in AML_APP_ROOT cannot be read: {error}") from error
        if not isinstance(content, dict):
            raise BadUserFileError(f"{name} in AML_APP_ROOT is not an object")
        return content
    return None


def _version_2(schemas: Document, settings: Settings, host: str, scheme: str) -> Document:
    def reference(name: str) -> Document:
        return {"$ref": f"#/definitions/{name}"}

    def answers(description: str, schema: Document) -> Document:
        return {
            "200": {"description": description, "schema": schema},
            "default": {"description": _WHAT["error"], "schema": reference("ErrorResponse")},
        }

    body = {"name": "serviceInputPayload", "in": "body", "schema": reference("ServiceInput")}
    version = {"name": "version", "in": "query", "type": "string", "enum": list(VERSIONS), "default": DEFAULT}
    made: Document = {
        "swagger": "2.0",
        "info": _info(settings),
        "schemes": ["https" if settings.strict else scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": _paths(
            settings,
            {"responses": answers(_WHAT["healthy"], {"type": "string"}), "produces": ["text/html"]},
            {"parameters": [body], "responses": answers(_WHAT["result"], reference("ServiceOutput"))},
            {"parameters": [version], "responses": answers(_WHAT["document"], {"type": "object"})},
        ),
        "definitions": schemas,
    }
    if settings.strict:
        made["securityDefinitions"] = {"Bearer": _BEARER}
    elif _HOST.fullmatch(host):
        made["host"] = host
    return made


def _version_3(version: str, schemas: Document, settings: Settings, host: str, scheme: str) -> Document:
    def json_of(schema: Document) -> Document:
        return {"application/json": {"schema": schema}}

    def reference(name: str) -> Document:
        return json_of({"$ref": f"#/components/schemas/{name}"})

    def answers(description: str, content: Document) -> Document:
        return {
            "200": {"description": description, "content": content},
            "default": {"description": _WHAT["error"], "content": reference("ErrorResponse")},
        }

    asked = {"name": "version", "in": "query", "schema": {"type": "string", "enum": list(VERSIONS), "default": DEFAULT}}
    made: Document = {
        "openapi": version,
        "info": _info(settings),
        "paths": _paths(
            settings,
            {"responses": answers(_WHAT["healthy"], {"text/html": {"schema": {"type": "string"}}})},
            {
                "requestBody": {"content": reference("ServiceInput")},
                "responses": answers(_WHAT["result"], reference("ServiceOutput")),
            },
            {"parameters": [asked], "responses": answers(_WHAT["document"], json_of({"type": "object"}))},
        ),
        "components": {"schemas": schemas},
    }
    if settings.strict:
        made["components"]["securitySchemes"] = {"Bearer": _BEARER}
    elif _HOST.fullmatch(host):
        made["servers"] = [{"url": f"{scheme}://{host}"}]
    return made


_WHAT = {
    "healthy": "The service can answer.",
    "result": "What the script returned.",
    "document": "This document.",
    "error": "The message says what was wrong.",
}


def _info(settings: Settings) -> Document:
    return {
        "title": settings.service_name,
        "version": settings.service_version,
        "description": f"How to call the service {settings.service_name}",
    }


def _paths(settings: Settings, healthy: Document, score: Document, swagger: Document) -> Document:
    """The routes under the names that generated clients have had for them since Azure ML's first server."""
    prefix = settings.service_path_prefix
    paths: Document = {
        f"{prefix}/": {"get": {"operationId": "ServiceHealthCheck", **healthy}},
        f"{prefix}/score": {"post": {"operationId": "RunMLService", **score}},
        f"{prefix}/swagger.json": {"get": {"operationId": "GetSwaggerSpec", **swagger}},
    }
    if settings.strict:
        paths[f"{prefix}/score"]["post"]["security"] = [{"Bearer": []}]
    return paths
