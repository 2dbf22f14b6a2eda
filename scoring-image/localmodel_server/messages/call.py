"""The call that any dialect asks of a worker, and its outcome."""

from __future__ import annotations

from typing import NamedTuple

from localmodel_server.messages.body_stream import BodyStream

Headers = list[tuple[bytes, bytes]]


class Array(NamedTuple):
    """One typed array in a call's body: dtype as numpy writes it, little-endian (`<f8`), row-major."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Call(NamedTuple):
    """One call of run().

    ========  ==========================================  =========================================
    kind      body                                        the script's mode (`Contract.mode`)
    ========  ==========================================  =========================================
    text      the request's text                          text, http (as a POST of that text)
    json      JSON object: parameter name -> value        schema
    arrays    the arrays' bytes, one after the other      schema; every array fills a parameter
    http      the request's body                          http
    ========  ==========================================  =========================================

    headers are the request's, for a script that asks for them. parsed is what json.loads makes of a text,
    pickled, or empty.
    """

    kind: str
    body: bytes
    arrays: tuple[Array, ...] = ()
    headers: Headers = []  # noqa: RUF012 - never changed
    method: str = "POST"
    target: str = "/score"
    parsed: bytes = b""

    @property
    def batch_key(self) -> object:
        """Calls with the same key can become one call; None: this one stays alone."""
        if self.kind == "arrays" and len(self.arrays) == 1:
            return self.arrays[0].dtype, self.arrays[0].shape[1:]
        return self.kind if self.kind == "text" else None


class Outcome(NamedTuple):
    """How a call ended.

    status is 200, or that of an error whose body is `{"message": ...}`; a script that answers with a response
    of its own sets any status, and headers. run_ms is the time in run(), None when it did not return; queued the
    seconds in line before it. rest, when not None, brings the pieces of the body that follow. error is what
    run() raised, which the client does not get: a line, and the traceback below it.
    """

    status: int
    body: bytes
    revision: str
    model: str
    run_ms: float | None = None
    run_failed: bool = False
    headers: Headers | None = None
    rest: BodyStream | None = None
    queued: float = 0.0
    error: str = ""


# nginx's word in the log for a request that nobody waits for any more.
CLIENT_CLOSED_REQUEST = 499
