"""The notebook that the program runs in, if it does: where it shows something that changes."""

import sys
from typing import Any


def is_notebook() -> bool:
    """Whether a kernel runs the program, whose output can be replaced."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


class Area:
    """A part of the cell's output, which is shown with its first content."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, plain: str, html: str) -> None:
        """Replace the content; `plain` is for where there is no HTML."""
        content = {"text/plain": plain, "text/html": html}
        if self._handle is None:
            self._handle = sys.modules["IPython.display"].display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)
