"""Turns the system's errors about the home folder into errors for the user: full, read-only, or unusable.

Commands and public classes use it at the edge, for everything that is read and written below the home folder.
"""

import contextlib
import functools
import inspect
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from localmodel import reasons
from localmodel.disk import files, home
from localmodel.errors import UserError

C = TypeVar("C", bound=type)


@contextlib.contextmanager
def as_user_errors() -> Iterator[None]:
    """A block in which an OSError about a path below `home.home()`, or about a full disk, becomes a `UserError`.

    Raises:
        UserError: StoreFull, HomeUnusable.
    """
    try:
        yield
    except OSError as error:
        if (user_error := _in_words(error)) is None:
            raise
        raise user_error from None


def telling(kind: C) -> C:
    """Decorate a class: its public methods and properties raise as in `told()`."""
    for name, value in list(vars(kind).items()):
        if name.startswith("_"):
            continue
        if inspect.isfunction(value):
            setattr(kind, name, _telling(value))
        elif isinstance(value, property) and value.fget:
            setattr(kind, name, property(_telling(value.fget)))
    return kind


def _telling(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        with as_user_errors():
            result = function(*arguments, **named)
        return _pieces(result) if inspect.isgenerator(result) else result

    return call


def _pieces(values: Iterator[Any]) -> Iterator[Any]:
    """The values of a generator, which runs only now."""
    with as_user_errors():
        yield from values


def _in_words(error: OSError) -> UserError | None:
    folder = home.home()
    names = [name for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    path = next((path for path in (Path(os.fsdecode(name)) for name in names) if _concerns(path, folder)), None)
    if error.errno in files.FULL and (path or not names):
        # The system does not name an open file: it is below this folder, or a temporary one.
        return files.full(min(folder, Path(tempfile.gettempdir()), key=files.free), error)
    if path is None:
        return None
    fix = "set LOCALMODEL_HOME to a folder that this user can read and write"
    return UserError(reasons.HOME_UNUSABLE, f"{path}: {error.strerror}; {fix}")


def _concerns(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or (folder.is_relative_to(path) and not folder.is_dir())
