"""Import user code from its source, never from cached bytecode.

Cached bytecode is trusted when the source's size and its modification time in whole seconds agree: an edit of
the same length within a second (`0.5` to `0.7`, saved twice) would be served as the old code. Installed
packages keep their cache; they do not change, and compiling them takes seconds.
"""

from __future__ import annotations

import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from typing import Any

from localmodel_worker.script.errors import is_inside


class FreshSourceLoader(SourceFileLoader):
    """Loads a module from its source file, without reading or writing a bytecode cache."""

    def path_stats(self, path: Any) -> Any:
        """Refuse: without a modification time the import system leaves the cache alone."""
        raise OSError("user code has no bytecode cache")


def import_fresh_from(folder: Path) -> None:
    """Make imports of modules below folder use FreshSourceLoader."""

    def finder(path: str) -> FileFinder:
        if Path(path) != folder and not is_inside(path, folder):
            raise ImportError(f"{path} is not user code")
        return FileFinder(
            path,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (FreshSourceLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()
