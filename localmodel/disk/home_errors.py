"""What the system says of the folder of everything that is kept, in words: it is full, read-only, or cannot be there.

Told at the edges, the commands and the classes that programs use, for whatever is read and written below it.
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
def told() -> Iterator[None]:
    """Have an OSError about a path below home.home(), or about a full disk, be one for the user.

    Raises:
        UserError: StoreFull, HomeUnusable.
    """
    try:
        yield
    except OSError as error:
        if (said := _in_words(error)) is None:
            raise
        raise said from None


def telling(kind: C) -> C:
    """Have the public methods and properties of a class raise as told() does."""
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
        with told():
            found = function(*arguments, **named)
        return _pieces(found) if inspect.isgenerator(found) else found

    return call


def _pieces(found: Iterator[Any]) -> Iterator[Any]:
    """What comes of a generator, which runs only now."""
    with told():
        yield from found


def _in_words(error: OSError) -> UserError | None:
    folder = home.home()
    names = [name for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    path = next((path for path in (Path(os.fsdecode(name)) for name in names) if _concerns(path, folder)), None)
    if error.errno in files.FULL and (path or not names):
        # Of an open file the system does not say which it was: it lies here, or among the temporary ones.
        return files.full(min(folder, Path(tempfile.gettempdir()), key=files.free), error)
    if path is None:
        return None
    fix = "set LOCALMODEL_HOME to a folder that this user can read and write"
    return UserError(reasons.HOME_UNUSABLE, f"{path}: {error.strerror}; {fix}")


def _concerns(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) or (folder.is_relative_to(path) and not folder.is_dir())
