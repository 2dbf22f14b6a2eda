from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from localmodel_worker.script.errors import is_inside, one_line, user_traceback

CODE = Path("/app")


def failure(*frames: tuple[str, str]) -> BaseException:
    """The exception of calling the last of (file, source) from the one before, and so on; each defines f()."""
    following: dict[str, Any] = {}
    for filename, source in reversed(frames):
        following = {"next": following.get("f")}
        exec(compile(source, filename, "exec"), following)
    try:
        following["f"]()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


CALL = "def f():\n    next()\n"


def test_the_innermost_frame_of_the_user_is_named() -> None:
    library = ("/app/.venv/lib/python3.11/site-packages/lib.py", "def f():\n    raise KeyError('age')\n")
    error = failure(("/app/score.py", CALL), ("/app/sub/part.py", "\n" + CALL), library)
    assert one_line(error, CODE, "score.py") == "sub/part.py:3: KeyError: 'age'"


def test_without_a_frame_of_the_user_the_script_is_named() -> None:
    error = failure(("/elsewhere/lib.py", "def f():\n    raise OSError('x')\n"))
    assert one_line(error, CODE, "src/score.py") == "src/score.py: OSError: x"


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        ("ValueError", "ValueError"),
        ("ValueError('a\\n  b\\tc')", "ValueError: a b c"),
        ("ValueError('x' * 5000)", "ValueError: " + "x" * 1000 + "..."),
        ("type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()", "Odd"),
    ],
)
def test_the_message_is_one_short_line(raised: str, text: str) -> None:
    error = failure(("/app/score.py", f"def f():\n    raise {raised}\n"))
    assert one_line(error, CODE, "score.py") == f"score.py:2: {text}"


def test_a_syntax_error_is_placed_where_it_is_written() -> None:
    source = "compile('x = = 1', '/app/part.py', 'exec')"
    error = failure(("/app/score.py", f"def f():\n    {source}\n"))
    assert one_line(error, CODE, "score.py") == "part.py:1: SyntaxError: invalid syntax"


def test_links_are_not_followed() -> None:
    assert is_inside("/app/score.py", CODE)
    assert is_inside("/app/..2026_01_01/score.py", CODE)
    assert not is_inside("/application/score.py", CODE)
    assert not is_inside("/app/lib/dist-packages/x.py", CODE)


def test_the_traceback_keeps_an_exception_whose_text_fails() -> None:
    odd = "type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})()"
    error = failure(("/app/score.py", f"def f():\n    raise {odd}\n"))
    assert "Odd" in user_traceback(error)


@pytest.mark.skipif(not hasattr(sys, "stdlib_module_names"), reason="this Python does not know its own modules")
def test_a_file_that_is_named_as_a_module_of_python_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = ModuleType("platform")
    own.__file__ = str(tmp_path / "platform.py")
    monkeypatch.setitem(sys.modules, "platform", own)
    (tmp_path / "signal.py").write_text("")
    told = "your platform.py takes the place of Python's own module platform: rename it"
    for source in ("import platform; platform.python_version()", "from platform import machine", "import platform.x"):
        text = one_line(failure(("/lib.py", f"def f():\n    {source}\n")), tmp_path, "score.py")
        assert text.endswith(f"; {told}") or "consider renaming" in text, text
    text = one_line(failure(("/lib.py", "def f():\n    import signal; signal.mine\n")), tmp_path, "score.py")
    assert text.endswith("; this is Python's own module signal, which was loaded before your signal.py: rename yours")
    text = one_line(failure(("/lib.py", "def f():\n    import json; json.mine\n")), tmp_path, "score.py")
    assert text == "score.py: AttributeError: module 'json' has no attribute 'mine'"
