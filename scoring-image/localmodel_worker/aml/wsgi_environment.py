"""A request as WSGI (PEP 3333) describes it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localmodel_worker.aml.aml_request import AMLRequest


def wsgi_environment(request: AMLRequest) -> dict[str, Any]:
    """The environment that a WSGI server would hand to its application."""
    name, _, port = request.host.rpartition(":")
    if not port.isdigit():
        name, port = request.host, "80"
    environment: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        # WSGI carries the path's bytes one to a character.
        "PATH_INFO": request.path.encode().decode("latin-1"),
        "QUERY_STRING": request.query_string.decode("latin-1"),
        "SERVER_NAME": name or "localhost",
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.remote_addr or "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": request.stream,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for header, value in request.headers:
        key = header.upper().replace("-", "_")
        if key == "CONTENT_LENGTH":
            continue
        environment[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    if request.content_length is not None:
        environment["CONTENT_LENGTH"] = str(request.content_length)
    return environment
