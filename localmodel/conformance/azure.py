"""Checks for clients of Azure ML's inference server."""

import json

from localmodel.conformance.check import Check, Subject
from localmodel.conformance.server import Reply, WrongAnswerError

_JSON = {"content-type": "application/json"}


def _healthy(subject: Subject) -> str:
    reply = subject.server.get("/").expect(200)
    if reply.body != b"Healthy":
        raise WrongAnswerError(f"GET /: expected the text Healthy, got {reply.body[:100]!r}")
    return ""


def _sample(subject: Subject) -> str:
    return _scored(subject.server.post("/score", subject.sample.body))


def _list(subject: Subject) -> str:
    return _scored(subject.server.post("/score", [[0, 0, 0, 0]]))


def _string(subject: Subject) -> str:
    return _scored(subject.server.post("/score", "text"))


def _not_utf_8(subject: Subject) -> str:
    reply = subject.server.request("POST", "/score", b'{"data": "\xff"}', _JSON)
    if reply.status == 200:
        return "the script takes bytes"
    reply.expect(400)
    return ""


def _content_type(subject: Subject) -> str:
    body = json.dumps(subject.sample.body).encode()
    as_json = subject.server.request("POST", "/score", body, _JSON).status
    subject.server.request("POST", "/score", body, {"content-type": "text/plain"}).expect(415, as_json)
    return ""


def _options(subject: Subject) -> str:
    subject.server.request("OPTIONS", "/score").expect(200)
    return ""


def _method(subject: Subject) -> str:
    subject.server.request("DELETE", "/score").expect(405)
    return ""


def _ids(subject: Subject) -> str:
    body = json.dumps(subject.sample.body).encode()
    sent = {"x-ms-client-request-id": "client-1", "x-request-id": "request-1"}
    reply = subject.server.request("POST", "/score", body, {**_JSON, **sent})
    for name, value in sent.items():
        if reply.headers.get(name) != value:
            raise WrongAnswerError(f"POST /score: expected the header {name}: {value}, got {reply.headers.get(name)}")
    return ""


def _long_id(subject: Subject) -> str:
    headers = {**_JSON, "x-ms-client-request-id": "1" * 101}
    subject.server.request("POST", "/score", b"{}", headers).expect(431)
    return ""


def _swagger(subject: Subject) -> str:
    reply = subject.server.get("/swagger.json").expect(200)
    if "/score" not in reply.object().get("paths", {}):
        raise WrongAnswerError("GET /swagger.json: expected the path /score in it")
    return ""


CHECKS = [
    Check("Azure: healthy", _healthy),
    Check("Azure: score an object", _sample),
    Check("Azure: score a list", _list),
    Check("Azure: score a string", _string),
    Check("Azure: body that is not UTF-8", _not_utf_8),
    Check("Azure: other content type", _content_type),
    Check("Azure: OPTIONS", _options),
    Check("Azure: other method", _method),
    Check("Azure: request ids", _ids),
    Check("Azure: id of 101 characters", _long_id),
    Check("Azure: swagger.json", _swagger),
]


def _scored(reply: Reply) -> str:
    """Check the headers of an answer, which may be an error, because the values are made up."""
    for name in ("x-ms-request-id", "x-ms-run-function-failed"):
        if name not in reply.headers:
            raise WrongAnswerError(
                f"{reply.request}: expected the header {name} in the answer with status {reply.status}"
            )
    if reply.status == 200:
        reply.json()
        return ""
    return f"refused with status {reply.status}"
