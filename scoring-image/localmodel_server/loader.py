"""Loads revisions: the wanted one beside the serving one, then the switch."""

from __future__ import annotations

import asyncio
import json
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from localmodel_server.dispatcher import Dispatcher
from localmodel_server.log import logger
from localmodel_server.pool import Pool
from localmodel_server.settings import SettingsError, read_settings
from localmodel_server.worker_process import LoadError


class Loader:
    """Brings the wanted revision into service, one load at a time; the last request for a load wins."""

    def __init__(
        self, dispatcher: Dispatcher, read_wanted: Callable[[], dict[str, str]], status_file: Path | None
    ) -> None:
        self._dispatcher = dispatcher
        self._read_wanted = read_wanted
        self._status_file = status_file
        self._load: asyncio.Task[bool] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def load(self) -> asyncio.Task[bool]:
        """Start to load the wanted revision, in place of a load under way.

        The task's result tells whether the revision serves. It is cancelled when another load takes its place.
        """
        if self._load is not None:
            self._load.cancel()
        self._dispatcher.loading_since = time.monotonic()
        self._load = asyncio.create_task(self._load_wanted())
        return self._load

    async def close(self) -> None:
        """End every worker of every revision."""
        if self._load is not None:
            self._load.cancel()
            await asyncio.wait({self._load})
        pool = self._dispatcher.pool
        if pool is not None:
            await pool.close()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _load_wanted(self) -> bool:
        wanted = ""
        try:
            environment = self._read_wanted()
            wanted = environment.get("LOCALMODEL_REVISION", "")
            pool = await Pool.start(read_settings(environment))
        except LoadError as error:
            self._report_failure(wanted, str(error), error.traceback or None)
        except SettingsError as error:
            self._report_failure(wanted, str(error), None)
        except Exception as error:
            text = f"error in the scoring server: {type(error).__name__}: {error}"
            self._report_failure(wanted, text, traceback.format_exc())
        else:
            self._switch(pool)
            return True
        return False

    def _switch(self, pool: Pool) -> None:
        old = self._dispatcher.switch(pool)
        if old is not None:
            self._end(old)
        logger.info("revision %r serves", pool.settings.revision)
        self._write_status(pool.settings.revision, None, None)

    def _report_failure(self, wanted: str, error: str, user_traceback: str | None) -> None:
        self._dispatcher.load_error = error
        logger.error("%s", f"revision {wanted!r} does not serve: {error}\n{user_traceback or ''}".rstrip())
        self._write_status(wanted, error, user_traceback)

    def _end(self, pool: Pool) -> None:
        task = asyncio.create_task(pool.wait())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _write_status(self, wanted: str, error: str | None, user_traceback: str | None) -> None:
        if self._status_file is None:
            return
        pool = self._dispatcher.pool
        serving = None if pool is None else pool.settings.revision
        status = {"serving": serving, "wanted": wanted, "error": error, "traceback": user_traceback}
        try:
            _write_atomically(self._status_file, json.dumps(status))
        except OSError as failure:
            logger.error("cannot write the status file %s: %s", self._status_file, failure.strerror)


def _write_atomically(path: Path, text: str) -> None:
    """Replace a file's content in one step: a reader sees the old text or the new, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
