"""Where the models of a deployment are, seen from its entry script."""

import os
from pathlib import Path


def deployed(name: str, version: int | str | None) -> list[Path]:
    """Where the model's one file or folder is in a deployment: AZUREML_MODEL_DIR is the root of all, or one version."""
    folder = os.environ.get("AZUREML_MODEL_DIR")
    if not folder:
        return []
    here = Path(folder)
    of_one = [here] if here.parent.name == name and str(version or here.name) == here.name else []
    numbers = [here / name / str(version)] if version else sorted((here / name).glob("[0-9]*"), key=_as_number)
    found = []
    for place in [*of_one, *reversed(numbers)]:
        entries = list(place.glob("*")) if place.is_dir() else []
        if len(entries) == 1:
            found.append(entries[0])
    return found


def _as_number(path: Path) -> int:
    return int(path.name) if path.name.isdecimal() else -1
