"""Models that lie among the files of a script whose deployment has none."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from localmodel import pickles
from localmodel.imports.needs import Pickled

_PICKLES = (".pkl", ".pickle", ".joblib", ".sav")
_MODELS = (*_PICKLES, ".onnx", ".pt", ".pth", ".h5", ".keras", ".ubj", ".cbm", ".safetensors", ".skops", ".tflite")
_READS_MODELS = (b"AZUREML_MODEL_DIR", b"get_model_path")


def models(files: Mapping[str, bytes]) -> list[Pickled]:
    """The pickles among the files, with what they would import."""
    found = []
    for name in sorted(files):
        if name.endswith(_PICKLES):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, Path(name).name)
                path.write_bytes(files[name])
                found.append(Pickled(name, pickles.examine(path)))
    return found


def offer(files: Mapping[str, bytes], entry: str, folder: str) -> str:
    """What to do about a script that reads a model which the deployment lacks; "" where none is seen.

    `folder` is where the files were read from, as its user would write it; "" where it is not known.
    """
    there = sorted(name for name in files if name.endswith(_MODELS))
    if not there or not any(word in files[entry] for word in _READS_MODELS):
        return ""
    command = f": lmd apply {folder} --model {folder}/{there[0]}" if folder else "; give it as a model"
    return f"this deployment has no models, and {entry} reads one; {', '.join(there)} is in its code{command}"
