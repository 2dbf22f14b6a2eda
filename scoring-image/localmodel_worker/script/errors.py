"""Turn an exception of user code into the one line that a user needs."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import CodeType, TracebackType
from typing import Optional

from localmodel_worker.script.advice import advice

_LONGEST_MESSAGE = 1000
_LONGEST_TRACEBACK = 100_000
_OWN_FOLDER = str(Path(__file__).absolute().parent.parent)
_INSTALLED = {"site-packages", "dist-packages"}


def one_line(error: BaseException, code_folder: Path, entry_script: str) -> str:
    """`score.py:17: KeyError: 'age'`: where in the user's code it happened, and what.

    The place is the innermost frame whose file lies in code_folder and is not an installed package; without
    such a frame it is entry_script.
    """
    place = _place(error, code_folder) or entry_script
    text = f"{place}: {type(error).__name__}"
    message = _message(error)
    if message:
        text += f": {message}"
    what_to_do = advice(error, message, code_folder, entry_script)
    if what_to_do:
        text += f"; {what_to_do}"
    # Names of files and texts may come from bytes that are no text, and would break the JSON that the line travels in.
    return text.encode(errors="replace").decode()


def user_traceback(error: BaseException) -> str:
    """The traceback without the frames of the worker, and what it uses, above the user's code; in JSON's characters."""
    frames = _below_ours(error.__traceback__)
    try:
        text = "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # a user's __str__ may raise
        text = f"{type(error).__name__} (its text could not be formatted)\n"
    return text[-_LONGEST_TRACEBACK:].encode(errors="replace").decode()


def reached(error: BaseException, code_folder: Path, code: Optional[CodeType] = None) -> bool:
    """Whether an error passed through user code: what lies below code_folder, or the function with this code."""
    frame: Optional[TracebackType] = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code is code or is_inside(_file_of(frame), code_folder):
            return True
        frame = frame.tb_next
    return False


def is_inside(path: str, folder: Path) -> bool:
    """Whether path is user code below folder, and not a package installed there.

    By name, not by what links point to: a mounted ConfigMap is a folder of links into a folder named by time.
    """
    inside = Path(path)
    return folder in inside.parents and not _INSTALLED.intersection(inside.parts)


def _place(error: BaseException, code_folder: Path) -> Optional[str]:
    if isinstance(error, SyntaxError) and error.filename and is_inside(error.filename, code_folder):
        return _file_and_line(error.filename, error.lineno, code_folder)
    place = None
    frame: Optional[TracebackType] = error.__traceback__
    while frame is not None:
        filename = _file_of(frame)
        if is_inside(filename, code_folder):
            place = _file_and_line(filename, frame.tb_lineno, code_folder)
        frame = frame.tb_next
    return place


def _file_and_line(filename: str, line: Optional[int], code_folder: Path) -> str:
    relative = Path(filename).relative_to(code_folder)
    return f"{relative}:{line}" if line else str(relative)


def _message(error: BaseException) -> str:
    try:
        # A syntax error's own text repeats the file and line.
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # a user's __str__ may raise, and even end the process
        return ""
    text = " ".join((text or "").split())
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "..."


def _below_ours(frames: Optional[TracebackType]) -> Optional[TracebackType]:
    below = frame = frames
    while frame is not None:
        if _file_of(frame).startswith(_OWN_FOLDER):
            below = frame.tb_next
        frame = frame.tb_next
    while below is not None and _file_of(below).startswith("<frozen importlib"):
        below = below.tb_next
    return below


def _file_of(frame: TracebackType) -> str:
    return frame.tb_frame.f_code.co_filename
