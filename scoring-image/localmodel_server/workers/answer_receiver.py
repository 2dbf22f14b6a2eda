"""Takes a worker's answer to a frame of requests apart, one outcome for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localmodel_server.log import logger, one_word
from localmodel_server.messages.asgi import message_body
from localmodel_server.messages.body_stream import BodyStream
from localmodel_server.messages.call import Headers, Outcome
from localmodel_server.workers.job import Job
from localmodel_server.workers.worker_process import NotStartedError, WorkerProcess
from localmodel_worker.frames import Frame, FrameError


class AnswerReceiver:
    """Delivers to jobs what their worker sends. end is called once, with why the worker is lost or None.

    When the worker is lost, retryable jobs are left to `end`; a job that was running alone gets the error.
    """

    def __init__(self, worker: WorkerProcess, jobs: list[Job], end: Callable[[Exception | None], None]) -> None:
        self._worker = worker
        self._jobs = jobs
        self._end = end
        self._rest: BodyStream | None = None

    def receive(self, received: Frame | Exception) -> None:
        """The sink of the frames of the answer."""
        if isinstance(received, Exception):
            self._fail(received)
        elif self._rest is not None:
            self._receive_piece(self._rest, received)
        else:
            self._receive_answers(received)

    def _receive_answers(self, frame: Frame) -> None:
        try:
            if frame.head.get("more"):
                self._rest = BodyStream(self._worker.pause, self._worker.resume, self._worker.cancel)
            outcomes = self._outcomes(frame)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            # User code has written to a descriptor that is not its own; the worker ends, and so does this request.
            raise FrameError("a frame without answers") from error
        self._worker.note_run(outcomes[0].run_ms)
        if self._rest is None:
            self._end(None)  # first, so that the worker has the next requests while these answers are written
        elif self._jobs[0].gone:
            self._rest.stop()
        for job, outcome in zip(self._jobs, outcomes):
            job.deliver(outcome)

    def _outcomes(self, frame: Frame) -> list[Outcome]:
        outcomes, start = [], 0
        for job, answer in zip(self._jobs, frame.head["answers"]):
            end = start + answer[3]
            outcomes.append(self._outcome(job, answer, bytes(memoryview(frame.body)[start:end])))
            start = end
        if len(outcomes) != len(self._jobs):
            raise ValueError("too few answers")
        return outcomes

    def _receive_piece(self, rest: BodyStream, frame: Frame) -> None:
        if frame.head.get("more"):
            rest.put(bytes(frame.body))
        else:
            rest.end(bool(frame.head.get("broken")))
            self._end(None)

    def _outcome(self, job: Job, answer: list[Any], body: bytes) -> Outcome:
        status, milliseconds, failed, _, headers = answer
        settings = self._worker.settings
        return Outcome(
            status,
            body,
            settings.revision,
            settings.model,
            milliseconds,
            bool(failed),
            None if headers is None else _encoded(headers),
            self._rest,
            job.sent - job.since,
            failed if isinstance(failed, str) else "",
        )

    def _fail(self, error: Exception) -> None:
        self._end(error)
        if self._rest is not None:
            self._rest.end(broken=True)
        elif len(self._jobs) == 1 and not isinstance(error, NotStartedError):
            job, settings = self._jobs[0], self._worker.settings
            request_id = job.request_id
            logger.error("request %s: %s", one_word(request_id), error, extra={"request_id": request_id})
            body = message_body(str(error))
            queued = job.sent - job.since
            job.deliver(Outcome(500, body, settings.revision, settings.model, run_failed=True, queued=queued))


def _encoded(headers: list[list[str]]) -> Headers:
    return [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
