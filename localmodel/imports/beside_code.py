"""Finds models among the files of a script whose deployment has no models."""

import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path

from localmodel import pickles
from localmodel.imports.needs import Pickled

_PICKLES = (".pkl", ".pickle", ".joblib", ".sav")
_MODELS = (*_PICKLES, ".onnx", ".pt", ".pth", ".h5", ".keras", ".ubj", ".cbm", ".safetensors", ".skops", ".tflite")
_READS_MODELS = (b"AZUREML_MODEL_DIR", b"get_model_path")


def models(files: Mapping[str, bytes]) -> list[Pickled]:
    """The pickles among the files, with their imports."""
    pickled = []
    for name in sorted(files):
        if name.endswith(_PICKLES):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, Path(name).name)
                path.write_bytes(files[name])
                pickled.append(Pickled(name, pickles.examine(path)))
    return pickled


def offer(files: Mapping[str, bytes], entry: str, folder: str) -> str:
    """Advice for a script that reads a model which the deployment lacks, or "".

    `folder` is the source folder as the user would write it, or "".
    """
    model_files = sorted(name for name in files if name.endswith(_MODELS))
    if not model_files or not any(word in files[entry] for word in _READS_MODELS):
        return ""
    command = "; give it as a model"
    if folder:
        command = f": {shlex.join(['lmd', 'apply', folder, '--model', f'{folder}/{model_files[0]}'])}"
    return f"this deployment has no models, and {entry} reads one; {', '.join(model_files)} is in its code{command}"
