"""A scoring server that is changed in a few lines before it starts, for what no test could reach otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

_START = """
import sys
from localmodel_server.__main__ import main
sys.exit(main())
"""


def python_that_runs_first(code: str, folder: Path) -> str:
    """An executable that takes the place of ``python -I -m localmodel_server``, and runs the code before the server."""
    program = folder / "changed_server.py"
    program.write_text(code + _START)
    starter = folder / "python"
    starter.write_text(f'#!/bin/sh\nshift 3\nexec "{sys.executable}" -I "{program}" "$@"\n')
    starter.chmod(0o755)
    return str(starter)
