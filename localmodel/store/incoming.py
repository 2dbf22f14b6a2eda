"""The folder of a store in which content arrives before it has its name."""

import contextlib
import shutil
from pathlib import Path

from localmodel.disk import files


def clear(store: Path) -> None:
    """Remove what killed writers have left there, unless somebody writes at this moment."""
    incoming = store / "incoming"
    if not incoming.is_dir() or not any(incoming.iterdir()):
        return
    with contextlib.suppress(BlockingIOError), files.alone(store / "lock"):
        for path in incoming.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
