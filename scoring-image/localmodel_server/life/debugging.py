"""A debugger in the worker, for as long as a file asks for it: read at SIGUSR1, forgotten at SIGHUP.

The file holds what the worker finds in LOCALMODEL_DEBUG, and an `id`. Beside it, in a file of the same name with
`.state` added, stands how it went: `{"id", "state", "revision", "error"}`, state one of `loading`,
`debugging`, `normal`, `failed`, id empty when there was no file.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from localmodel_server.checked_json import Fields
from localmodel_server.log import logger
from localmodel_server.state import ServerState
from localmodel_untrusted.files import UnreadableError, read_file

# Who looks at a variable takes as long as they like; a limit of none would need a word for it everywhere.
_MONTH_MS = 30 * 24 * 3600 * 1000


def is_debugged(environment: Mapping[str, str]) -> bool:
    """Whether workers with these variables accept a debugger."""
    return bool(environment.get("LOCALMODEL_DEBUG") or environment.get("AZUREML_DEBUG_PORT"))


class Debugging:
    """What the debug file asked for when it was last read."""

    def __init__(self, state: ServerState, revision_file: Path | None) -> None:
        """The file is LOCALMODEL_DEBUG_FILE, else debug.json beside the revision file, else in the temporary folder."""
        own = os.environ.get("LOCALMODEL_DEBUG_FILE")
        default = Path(tempfile.gettempdir(), "localmodel-debug.json")
        beside = default if revision_file is None else revision_file.with_name("debug.json")
        self._file = Path(own) if own else beside
        self._state = state
        self._text: str | None = None
        self._id: str | None = None  # None: nobody has ever asked

    def read(self) -> None:
        """Read the file again; without one, or with one that somebody else has put there, no debugger is wanted."""
        self._text, self._id = None, ""
        try:
            if self._file.stat().st_uid != os.getuid():
                logger.warning("%s belongs to another user, and is ignored", self._file)
                return
            content = read_file(self._file)
            if content is not None:
                self._id = Fields(content).text("id")
                self._text = content.decode()
        except FileNotFoundError:
            pass
        except (OSError, UnreadableError) as error:
            logger.error("%s cannot be read: %s", self._file, error)

    def forget(self) -> None:
        """Drop the debugger until the file is read again: the next revision has to serve first."""
        self._text = None

    def end(self) -> None:
        """Note that another revision has replaced the one with the debugger."""
        if self._text is not None:
            self.forget()
            self._tell("normal", None)

    def overlay(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Add what a debugger needs to the environment: one worker, without a limit of time."""
        wanted = dict(environment)
        if self._text is not None:
            wanted["LOCALMODEL_DEBUG"] = self._text
        if is_debugged(wanted):
            wanted.update(WORKER_COUNT="1", WORKER_PRELOAD="false", LOCALMODEL_BATCHING="off")
            wanted.update(SCORING_TIMEOUT_MS=str(_MONTH_MS), WORKER_TIMEOUT="0")
        return wanted

    def follow(self, load: asyncio.Task[bool]) -> None:
        """Write the state of a load beside the file, now and when it has ended."""
        self._tell("loading", None)
        load.add_done_callback(self._on_loaded)

    def _on_loaded(self, load: asyncio.Task[bool]) -> None:
        if load.cancelled():
            return
        if not load.result():
            self._tell("failed", self._state.dispatcher.load_error)
            return
        settings = self._state.settings
        self._tell("debugging" if settings and settings.environment.get("LOCALMODEL_DEBUG") else "normal", None)

    def _tell(self, state: str, error: str | None) -> None:
        if self._id is None:
            return
        status = {"id": self._id, "state": state, "revision": self._state.revision, "error": error}
        path = self._file.with_name(f"{self._file.name}.state")
        try:
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            beside.write_text(json.dumps(status), encoding="utf-8")
            beside.replace(path)
        except OSError as failure:
            logger.error("cannot write %s: %s", path, failure.strerror)
