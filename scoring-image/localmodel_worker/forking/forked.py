"""A worker's first steps after the fork: become equal to a new process, or say why that is impossible.

So do those of a parent that becomes the first worker itself.
"""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Optional

from localmodel_worker.forking.environment_watch import Changes
from localmodel_worker.forking.fork_safety import changed, found_in, hidden_in, mapped_files, read_at_import
from localmodel_worker.forking.installed_modules import packages_stamp
from localmodel_worker.frames import FrameReader, send_frame
from localmodel_worker.process_control import set_name
from localmodel_worker.script_log import user_logging

if TYPE_CHECKING:
    from localmodel_worker.forking.warm_parent import WarmParent
    from localmodel_worker.script.entry_script import Place


class Forked:
    """Compares what this process has inherited with what a new one would find, and ends it where they differ.

    `is_parent`: it is the parent, which forks nothing. `inherited` are the modules that a parent has, too.
    """

    def __init__(self, parent: WarmParent, connection: socket.socket, is_parent: bool = False) -> None:
        self.connection = connection
        self.harmless: list[str] = []  # variables that no native library names
        self.has_logging = parent.has_logging
        self._parent = parent
        self.inherited = frozenset[str]() if is_parent else frozenset(sys.modules)
        # what a process of its own would not have yet
        self._packages = frozenset(sys.modules) - parent.at_start
        self._path = list(sys.path)

    def begin(self) -> None:
        """Take the revision's environment variables, and random numbers of this process's own."""
        set_name(Path(sys.executable).name)
        frame = FrameReader(self.connection).receive()
        if frame is None:
            os._exit(0)
        now = frame.head["environment"]
        if packages_stamp(self._path) != self._parent.packages:
            self.refuse("packages of the environment have been installed or removed since", renew=True)
        self._compare(now, frame.head["harmless"])
        _take(self._parent.environment, now)
        _reseed()

    def watch(self) -> Changes:
        """While user code loads, check that it sets no variable that imports have already read."""
        return Changes(self._on_change)

    def check_place(self, place: Place) -> None:
        """Before the script is imported."""
        if user_logging.config_file(place) is not None:
            self.refuse("its logging.json must come before the packages")
        self._check_hidden(str(folder) for folder in place.import_folders)

    def check_loaded(self, imported: Iterable[str]) -> None:
        """After init(); imported is what user code names in its import statements."""
        self._check_hidden(folder for folder in sys.path if folder not in self._path)
        gone = [name for name in self._parent.imported if name not in set(imported) and name in self._packages]
        if gone:
            self.refuse(f"the script does not import {gone[0]} any more", renew=True)

    def check_error(self, traceback: str) -> None:
        """After a failed load: some libraries notice that they were forked."""
        if "fork" in traceback:
            self.refuse("loading failed with an error that speaks of forks")

    def refuse(self, reason: str, renew: bool = False) -> NoReturn:
        """End this process; renew says that another parent could do better."""
        send_frame(self.connection, {"ok": False, "unsafe": reason, "renew": renew})
        os._exit(0)

    def _compare(self, now: Mapping[str, str], harmless: Iterable[str]) -> None:
        names = changed(self._parent.environment, now)
        for name in names:
            why = read_at_import(name, self._parent.reads)
            if why is not None:
                self.refuse(f"{name} has changed, and {why}", renew=True)
        names = [name for name in names if name not in set(harmless)]
        for name, file in found_in([*self._parent.start_files, *_mapped()], names).items():
            self.refuse(f"{name} has changed, and {Path(file).name} may have read it", renew=True)
        self.harmless = names

    def _on_change(self, name: str) -> None:
        why = read_at_import(name, self._parent.reads)
        if why is None:
            files = found_in(_mapped(), [name])
            why = f"{Path(files[name]).name} may have read before" if files else None
        if why is not None:
            self.refuse(f"the script sets {name}, which {why}")

    def _check_hidden(self, folders: Iterable[str]) -> None:
        packages = {name.partition(".")[0] for name in self._packages}
        for folder in folders:
            entry = hidden_in(folder, packages)
            if entry is not None:
                self.refuse(f"{entry} takes the place of an installed package", renew=True)


def _mapped() -> list[str]:
    try:
        with open("/proc/self/maps") as maps:
            return mapped_files(maps.read())
    except OSError:
        return []


def _take(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Replace the environment, and keep what imports have changed in the earlier one."""
    wanted: dict[str, Optional[str]] = {**dict.fromkeys(before), **now}
    wanted.update((name, os.environ.get(name)) for name in changed(before, os.environ))
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        elif os.environ.get(name) != value:
            os.environ[name] = value


def _reseed() -> None:
    random.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
