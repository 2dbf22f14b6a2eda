"""Checks that a server survives unusual clients."""

from collections.abc import Iterator

from localmodel.conformance.check import Check, Subject
from localmodel.conformance.server import WrongAnswerError

_MEGABYTE = 1 << 20
_LARGE = 100


def _large_body(subject: Subject) -> str:
    length = _LARGE * _MEGABYTE
    headers = {"content-type": "application/json", "content-length": str(length)}
    reply = subject.server.request("POST", "/score", _large_json(), headers)
    _expect_alive(subject)
    if reply.status == 413:
        return "refused as too large"
    return "" if reply.status == 200 else f"answered with status {reply.status}"


def _leaving(subject: Subject) -> str:
    for path in ("/score", "/invocations", f"/v2/models/{subject.model}/infer"):
        subject.server.leave_early(path, _MEGABYTE)
    _expect_alive(subject)
    return ""


def _nothing_there(subject: Subject) -> str:
    subject.server.get("/no-such-path").expect(404).json()
    return ""


CHECKS = [
    Check("path that is not there", _nothing_there),
    Check("client that leaves early", _leaving),
    Check(f"body of {_LARGE} MB", _large_body),
]


def _large_json() -> Iterator[bytes]:
    """A large JSON text in pieces, which is one string."""
    yield b'{"data": "'.ljust(_MEGABYTE, b"x")
    for _ in range(_LARGE - 2):
        yield b"x" * _MEGABYTE
    yield b"x" * (_MEGABYTE - 2) + b'"}'


def _expect_alive(subject: Subject) -> None:
    try:
        subject.server.get("/v2/health/live").expect(200)
    except WrongAnswerError as wrong:
        raise WrongAnswerError(f"the server is no longer live: {wrong}") from None
