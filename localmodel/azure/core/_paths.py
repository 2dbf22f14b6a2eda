"""Finds the models of a deployment from its entry script."""

import os
from pathlib import Path


def deployed(name: str, version: int | str | None) -> list[Path]:
    """The paths of the model in a deployment; AZUREML_MODEL_DIR is the folder of all models, or of one version."""
    folder = os.environ.get("AZUREML_MODEL_DIR")
    if not folder:
        return []
    here = Path(folder)
    of_one = [here] if here.parent.name == name and str(version or here.name) == here.name else []
    numbers = [here / name / str(version)] if version else sorted((here / name).glob("[0-9]*"), key=_as_number)
    paths = []
    for place in [*of_one, *reversed(numbers)]:
        entries = list(place.glob("*")) if place.is_dir() else []
        if len(entries) == 1:
            paths.append(entries[0])
    return paths


def _as_number(path: Path) -> int:
    return int(path.name) if path.name.isdecimal() else -1
