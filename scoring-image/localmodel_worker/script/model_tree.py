"""What is in AZUREML_MODEL_DIR, for the log of a script that could not load its model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_MOST_LINES = 200


def describe(model_folder: str) -> str:
    """The folder and what is below it, one path a line with its size in bytes, cut after 200 lines."""
    folder = Path(model_folder)
    if not model_folder or not folder.exists():
        return f"AZUREML_MODEL_DIR: {model_folder or 'not set'}, which is not a folder"
    lines = [f"AZUREML_MODEL_DIR: {folder}"]
    for line in _files(folder):
        if len(lines) > _MOST_LINES:
            lines.append("  ...")
            break
        lines.append(line)
    return "\n".join(lines)


def _files(folder: Path) -> Iterator[str]:
    # Models may be links to the folders of a registry.
    for path, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            file = Path(path, name)
            size = file.stat().st_size if file.exists() else 0
            yield f"  {file.relative_to(folder)} {size}"
