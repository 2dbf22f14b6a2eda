"""uvicorn's HTTP protocol, with a JSON answer to bytes that are not HTTP."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from localmodel_server.azure import common_headers, read_ids
from localmodel_server.exchange import message_body


class JsonErrorProtocol(HttpToolsProtocol):
    """Errors below the application are ``{"message": ...}``, too."""

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when it cannot parse a request; the connection ends."""
        body = message_body(msg)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *common_headers(read_ids([]), ""),
        ]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers), b"", body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()
