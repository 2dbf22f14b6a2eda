"""The status file: how the last load went, written for whoever started the server."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from localmodel_server.life.revision import Candidate
from localmodel_server.log import logger
from localmodel_server.workers.worker_process import LoadError


class StatusFile:
    """JSON with `serving`, `wanted`, `error`, `reason` and `traceback`, written after each load.

    A load that went well adds `how` (the workers were started), its `milliseconds` and, if captured requests were
    asked, `replayed`. Without a path nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def write_success(self, candidate: Candidate) -> None:
        """A revision serves."""
        revision = candidate.revision.number
        replayed = {} if candidate.replayed is None else {"replayed": candidate.replayed.text()}
        self._write(revision, revision, None, how=candidate.pool.how, milliseconds=candidate.milliseconds, **replayed)

    def write_failure(self, serving: str | None, wanted: str, error: LoadError) -> None:
        """The wanted revision does not serve."""
        self._write(serving, wanted, error)

    def _write(self, serving: str | None, wanted: str, error: LoadError | None, **others: Any) -> None:
        if self._path is None:
            return
        status = {"serving": serving, "wanted": wanted, "error": None, "reason": None, "traceback": None, **others}
        if error is not None:
            status.update(error=str(error), reason=error.reason, traceback=error.traceback or None)
        try:
            _write_atomically(self._path, json.dumps(status))
        except OSError as failure:
            logger.error("cannot write the status file %s: %s", self._path, failure.strerror)


def _write_atomically(path: Path, text: str) -> None:
    """Replace a file's content in one step: a reader sees the old text or the new, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
