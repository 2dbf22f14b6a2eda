"""Turns a request frame into the answers of the script."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Callable, NamedTuple, Optional

from localmodel_worker.aml.aml_request import AMLRequest
from localmodel_worker.aml.http_answer import HttpAnswer, NotHttpError, as_http_answer
from localmodel_worker.batch import RowBatcher, cut
from localmodel_worker.client_errors import BadRequestError
from localmodel_worker.frames import Frame
from localmodel_worker.results import NotJsonError, encode_result
from localmodel_worker.script import json_shortcut
from localmodel_worker.script.entry_script import EntryScript
from localmodel_worker.script.errors import user_traceback

_LONGEST_TRACEBACK = 16 * 1024
_REPLAYED = "LOCALMODEL_REPLAYED"
_SOME_MEMORY = 16 * 1024 * 1024
_Arguments = dict[str, Any]


class Answer(NamedTuple):
    """The answer to one request; milliseconds is the time in run(), None when it did not return.

    headers and rest are those of a response that the script has made itself. error is what run() has raised, in a
    line, with the traceback below it; log is what belongs into the log.
    """

    status: int
    body: bytes
    milliseconds: Optional[float] = None
    failed: bool = False
    leaving: bool = False
    headers: Optional[list[tuple[str, str]]] = None
    rest: Optional[Iterator[bytes]] = None
    close: Callable[[], object] = lambda: None
    error: str = ""
    log: str = ""


class Answering:
    """Answers requests with one script.

    `strict` follows Azure ML's server where ours differs in a way that clients could notice.
    """

    def __init__(self, script: EntryScript, strict: bool) -> None:
        self._script = script
        self._run_function = script.run_function
        self._strict = strict
        self._batcher: Optional[RowBatcher] = None

    @property
    def alone(self) -> bool:
        """Whether each request must run alone from now on."""
        return self._batcher is not None and not self._batcher.trusted

    def answer(self, request: Frame) -> list[Answer]:
        """The answers to the requests in a frame, in order; never raises."""
        ids = request.head["ids"]
        _tell_the_script(request.head.get("replayed", False))
        if len(ids) == 1:
            return [self._one(lambda: self._arguments(request))]
        try:
            return self._rows(request) if request.head["kind"] == "arrays" else self._texts(request)
        except BadRequestError as error:
            return [_refusal(error)] * len(ids)

    def _arguments(self, request: Frame) -> _Arguments:
        head, kind = request.head, request.head["kind"]
        if kind == "http" or (kind == "text" and self._run_function.mode == "http"):
            return {self._run_function.first: _http_request(request)}
        if kind == "json":
            arguments = self._run_function.from_json(request.body)
        elif kind == "arrays":
            arguments = self._run_function.from_arrays(head["arrays"], request.body)
        else:
            arguments = self._text_arguments(request)
        return self._run_function.with_headers(arguments, head.get("headers", []))

    def _text_arguments(self, request: Frame) -> _Arguments:
        parsed_length = request.head.get("parsed", 0)
        if not parsed_length:
            return self._run_function.from_text(request.body)
        end = len(request.body) - parsed_length
        arguments = self._run_function.from_text(request.body[:end])
        json_shortcut.expect(arguments[self._run_function.first], bytes(request.body[end:]))
        return arguments

    def _rows(self, request: Frame) -> list[Answer]:
        counts = request.head["rows"]
        whole = self._run_function.from_arrays(request.head["arrays"], request.body)
        ((name, array),) = whole.items()
        if self._batcher is None:
            # Each call gets a copy: what a script writes into its data is not for the next call to see.
            self._batcher = RowBatcher(lambda rows: self._script.run({name: rows.copy()}))
        started = time.perf_counter()
        results = self._batcher.run(array, counts) if self._batcher.trusted else None
        if results is None:
            parts = [{name: part.copy()} for part in cut(array, counts)]
            return [self._one(part.copy) for part in parts]
        milliseconds = (time.perf_counter() - started) * 1000
        return [self._encode(result, milliseconds) for result in results]

    def _texts(self, request: Frame) -> list[Answer]:
        bodies = cut(request.body, request.head["lengths"])
        arguments = [_or_error(self._run_function.from_text, body) for body in bodies]
        good = [argument for argument in arguments if not isinstance(argument, BadRequestError)]
        started = time.perf_counter()
        results = self._together([argument[self._run_function.first] for argument in good])
        if results is None:
            read = self._run_function.from_text
            return [self._one(partial(read, body)) for body in bodies]
        milliseconds = (time.perf_counter() - started) * 1000
        left = iter(results)
        return [
            _refusal(given) if isinstance(given, BadRequestError) else self._batch_result(next(left), milliseconds)
            for given in arguments
        ]

    def _together(self, texts: list[str]) -> Optional[list[Any]]:
        try:
            results = list(self._script.run_batch(texts))
        except Exception:
            return None  # one of them is to blame, and running each alone tells which
        return results if len(results) == len(texts) else None

    def _batch_result(self, result: Any, milliseconds: float) -> Answer:
        if isinstance(result, Exception):
            return self._failure(result)
        return self._encode(result, milliseconds)

    def _one(self, arguments: Callable[[], _Arguments]) -> Answer:
        try:
            given = arguments()
            started = time.perf_counter()
            result = self._script.run(given)
            return self._encode(result, (time.perf_counter() - started) * 1000)
        except BaseException as error:
            return self._failure(error)
        finally:
            json_shortcut.expect("", b"")

    def _encode(self, result: Any, milliseconds: float) -> Answer:
        try:
            own = as_http_answer(result)
            if own is not None:
                return _own_answer(own, milliseconds)
            return Answer(200, encode_result(result, allow_nan=self._strict), milliseconds)
        except (NotJsonError, NotHttpError) as error:
            return Answer(500, _message(str(error)), log=str(error))

    def _failure(self, error: BaseException) -> Answer:
        in_script = self._script.is_to_blame(error)
        if isinstance(error, BadRequestError) and not (self._strict and in_script):
            return _refusal(error)
        converts = self._run_function.mode == "schema" and not self._strict
        if isinstance(error, Exception) and converts and not in_script:
            reason = " ".join(str(error).split()) or type(error).__name__
            return Answer(400, _message(f"the request's data does not fit the schema of run(): {reason}"))
        self._script.explain(error)
        traceback = user_traceback(error)
        error_text = f"{self._script.one_line(error)}\n{_shortened(traceback)}"
        message = "run() failed; the log has the traceback under this x-request-id"
        leaving = not isinstance(error, Exception) or (isinstance(error, MemoryError) and not _has_memory())
        log = f"run() failed\n{traceback}"
        return Answer(500, _message(message), failed=True, leaving=leaving, error=error_text, log=log)


def _tell_the_script(replayed: bool) -> None:
    """Whether the request is one that was captured: a script that sends or stores something must leave that out."""
    if replayed:
        os.environ[_REPLAYED] = "true"
    elif _REPLAYED in os.environ:
        del os.environ[_REPLAYED]


def _http_request(request: Frame) -> AMLRequest:
    head = request.head
    headers = [(name, value) for name, value in head.get("headers") or [("content-type", "application/json")]]
    return AMLRequest(head.get("method", "POST"), head.get("target", "/score"), headers, bytes(request.body))


def _own_answer(own: HttpAnswer, milliseconds: float) -> Answer:
    whole = own.body if isinstance(own.body, bytes) else b""
    rest = None if isinstance(own.body, bytes) else own.body
    return Answer(own.status, whole, milliseconds, own.run_failed, False, own.headers, rest, own.close)


def _refusal(error: BadRequestError) -> Answer:
    return Answer(error.status, _message(str(error)))


def _or_error(convert: Callable[[bytearray], _Arguments], body: bytearray) -> Any:
    try:
        return convert(body)
    except BadRequestError as error:
        return error


def _shortened(traceback: str) -> str:
    """A traceback that may go with every answer: without the middle of a long one."""
    if len(traceback) > _LONGEST_TRACEBACK:
        half = _LONGEST_TRACEBACK // 2
        traceback = f"{traceback[:half]}\n...\n{traceback[-half:]}"
    return traceback


def _has_memory() -> bool:
    """Whether memory is free again; a script that holds on to it would fail every further request."""
    try:
        bytearray(_SOME_MEMORY)
    except MemoryError:
        return False
    return True


def _message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()
