"""Loads a user's entry script and calls its init() and run()."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Awaitable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from localmodel_worker.aml import legacy_imports
from localmodel_worker.script import json_shortcut, pickled_main
from localmodel_worker.script.errors import one_line, reached, user_traceback
from localmodel_worker.script.fresh_code import FreshSourceLoader, import_fresh_from
from localmodel_worker.script.run_function import ContractError, RunFunction

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop


class LoadError(Exception):
    """The entry script cannot serve; the text is one line for the user, traceback may be empty."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class Place(NamedTuple):
    """Where the user's code lies."""

    code_folder: Path
    script: Path
    name: str  # of the script, as the user wrote it
    import_folders: list[Path]


def find_script(environment: Mapping[str, str]) -> Place:
    """Where the environment variables say that the script is.

    Raises:
        LoadError: it is not there.
    """
    folder = Path(environment.get("AML_APP_ROOT", "/var/azureml-app")).absolute()
    name = environment.get("AZUREML_ENTRY_SCRIPT") or _usual_name(folder)
    script = folder / name
    if not folder.is_dir():
        raise LoadError(f"AML_APP_ROOT: no such folder: {folder}")
    if not script.is_file():
        names = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
        raise LoadError(f"AZUREML_ENTRY_SCRIPT: no file {name} in {folder}, which has {names}")
    import_folders = [script.parent, folder]
    source = environment.get("AZUREML_SOURCE_DIRECTORY")
    if source:
        import_folders.append(folder / source)
    return Place(folder, script, name, import_folders)


def _usual_name(folder: Path) -> str:
    # The original looks for main.py, which its tools make; people write score.py.
    return "main.py" if (folder / "main.py").is_file() and not (folder / "score.py").is_file() else "score.py"


def enter(place: Place) -> None:
    """Prepare this process for user code: change to the code folder, and make its modules importable."""
    os.chdir(place.code_folder)
    sys.path[:0] = dict.fromkeys(str(folder) for folder in place.import_folders)
    import_fresh_from(place.code_folder)
    legacy_imports.install()
    json_shortcut.install()


class EntryScript:
    """A loaded entry script."""

    def __init__(self, place: Place) -> None:
        """Import the script, whose place has been entered.

        Raises:
            LoadError: it cannot be imported, or lacks an init() or run() that can be called.
        """
        self._place = place
        self._loop: Optional[AbstractEventLoop] = None
        try:
            module = _import(place.script)
        except BaseException as error:
            raise self._load_error("", error) from error
        self._init = self._function(module, "init", "init()", "def init(): ...")
        self.run_function = self._read_run(_behind_driver(module))

    def init(self) -> None:
        """Call the script's init().

        Raises:
            LoadError
        """
        try:
            self._finish(self._init())
        except BaseException as error:
            raise self._load_error("init() failed: ", error) from error

    def run(self, arguments: dict[str, Any]) -> Any:
        """Call the script's run(); raises what it raises."""
        return self._finish(self.run_function.call(**arguments))

    def run_batch(self, texts: list[str]) -> Any:
        """Call the script's run_batch() with the texts of several requests; raises what it raises."""
        return self._finish(self.run_function.call_batch(texts))

    def is_to_blame(self, error: BaseException) -> bool:
        """Whether an error of a call came from user code, and not from what converts the request's data."""
        return reached(error, self._place.code_folder, self.run_function.code)

    def explain(self, error: BaseException) -> None:
        """Add to an error's text what it means, where that is known."""
        pickled_main.explain(error, self._place.name)

    def one_line(self, error: BaseException) -> str:
        """An error of a call in one line, with its place in the user's code."""
        return one_line(error, self._place.code_folder, self._place.name)

    def _finish(self, result: Any) -> Any:
        if not inspect.isawaitable(result):
            return result
        # One loop for init() and all run() calls: a client opened in init() belongs to its loop.
        if self._loop is None:
            from asyncio import new_event_loop  # slow to import, and few scripts need it

            self._loop = new_event_loop()
        return self._loop.run_until_complete(_await(result))

    def _read_run(self, module: ModuleType) -> RunFunction:
        function = self._function(module, "run", "run(raw_data)", "def run(raw_data): return {}")
        try:
            return RunFunction(function, module)
        except ContractError as error:
            raise LoadError(f"{self._line(function)}: {error}") from error

    def _function(self, module: ModuleType, name: str, signature: str, example: str) -> Callable[..., Any]:
        function = getattr(module, name, None)
        if not callable(function):
            raise LoadError(f"{self._place.name}: no function {signature}; add one, for example: {example}")
        if name == "init":
            self._check_init(function)
        return function  # type: ignore[no-any-return]

    def _check_init(self, function: Callable[..., Any]) -> None:
        try:
            inspect.signature(function).bind()
        except TypeError as error:
            raise LoadError(f"{self._line(function)}: init must be callable as init(): {error}") from error
        except ValueError:
            pass  # written in C, without a signature to check

    def _line(self, function: Callable[..., Any]) -> str:
        """The script, and the line of a function that is defined there."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None or code.co_filename != str(self._place.script):
            return self._place.name
        return f"{self._place.name}:{code.co_firstlineno}"

    def _load_error(self, prefix: str, error: BaseException) -> LoadError:
        self.explain(error)
        return LoadError(prefix + self.one_line(error), user_traceback(error))


def _import(script: Path) -> ModuleType:
    name = script.stem
    spec = spec_from_file_location(name, script, loader=FreshSourceLoader(name, str(script)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{script} is not a Python file")
    module = module_from_spec(spec)
    # Pickles and dataclasses look their module up by name.
    sys.modules[name] = module
    pickled_main.look_up_in(module)
    spec.loader.exec_module(module)
    return module


def _behind_driver(module: ModuleType) -> ModuleType:
    """The module whose run() is meant: some tools put a driver before the script, which names it."""
    behind = getattr(module, "driver_module", None)
    return behind if isinstance(behind, ModuleType) and hasattr(behind, "run") else module


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
