"""Recognises kinds of models by their files, and generates what serves them."""

from __future__ import annotations

from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.no_code import packages, script
from localmodel.no_code.description import Description
from localmodel.no_code.formats import lightgbm, onnx, pickled, skops, xgboost
from localmodel.no_code.generated import ENTRY, Scoring
from localmodel.no_code.inputs import Arrays, Table, Untyped, sample, written
from localmodel.no_code.mlflow import folder
from localmodel.no_code.refusal import needs_script, unreadable
from localmodel.resource.spec import EnvironmentSpec

_START = 64
_PICKLES = {".pkl", ".pickle", ".joblib", ".sav", ".pck", ".p"}
_COMPRESSIONS = {".gz", ".bz2", ".xz", ".z", ".lz4", ".lzma"}
_BOOSTERS = {".ubj", ".json", ".txt", ".model", ".bst", ".xgb", ".lgb"}
# Kinds that need their own class to be loaded, or a library with another interface.
_OF_SCRIPTS = {
    **dict.fromkeys((".pt", ".pth", ".bin", ".ckpt"), "PyTorch's weights need the class of the model"),
    **dict.fromkeys((".h5", ".hdf5", ".keras", ".pb", ".tflite"), "models of Keras and TensorFlow need a script"),
    **dict.fromkeys((".safetensors", ".gguf"), "weights alone do not say which model they are of"),
    **dict.fromkeys((".cbm", ".mar", ".mlmodel", ".pmml"), "this kind of model needs a script"),
}


def is_model(path: Path) -> bool:
    """Whether the file or folder looks like a model, which may still need a script."""
    if path.is_dir():
        return (path / folder.MODEL).is_file()
    if not path.is_file():
        return False
    if _ending(path) in _BOOSTERS:
        return _is_booster(_start(path))
    return is_model_name(path)


def is_model_name(path: Path) -> bool:
    """Whether only a model's file is called so."""
    ending = _ending(path)
    return ending in _PICKLES or ending in _OF_SCRIPTS or ending in (".onnx", ".skops", ".ubj")


def scoring(model: Path, name: str) -> Scoring:
    """Generate what serves the model in this file or folder, which has the same name in AZUREML_MODEL_DIR.

    `name` is the deployment's name, for the script.

    Raises:
        UserError: ScriptNeeded, ModelUnreadable, ModelFileMissing.
    """
    return _scoring(_describe(model), name)


def _describe(path: Path) -> Description:
    if not path.exists():
        raise UserError(reasons.MODEL_FILE_MISSING, f"{path}: no such file or folder")
    path = path.resolve()  # the name under which it is registered
    if (path / folder.MODEL).is_file():
        return folder.describe(path, path.name)
    if path.is_dir():
        raise needs_script(path, "a folder without a file MLmodel is not a model by itself")
    ending = _ending(path)
    try:
        start = _start(path)
        if ending in _OF_SCRIPTS:
            raise needs_script(path, _OF_SCRIPTS[ending])
        if lightgbm.is_file(start):
            return lightgbm.describe(path, path.name)
        if xgboost.is_file(start):
            return xgboost.describe(path, path.name)
        if ending == ".onnx":
            return onnx.describe(path, path.name)
        if ending == ".skops":
            return skops.describe(path, path.name)
        if ending in _PICKLES:
            return pickled.describe(path, path.name)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from None
    if ending in _BOOSTERS:
        raise needs_script(path, "it is neither LightGBM's text nor XGBoost's JSON or UBJSON (save_model writes .ubj)")
    raise needs_script(path, "it is not a model of a kind that is known")


def _scoring(model: Description, name: str) -> Scoring:
    needs = {Untyped: ["numpy", "pandas"], Table: ["pandas"], Arrays: ["numpy"]}.get(type(model.inputs), [])
    if not isinstance(model.inputs, Untyped):
        needs.append(packages.SCHEMA)
    return Scoring(
        model.flavor,
        ENTRY,
        {ENTRY: script.write(model, name).encode()},
        EnvironmentSpec(model.python, packages.with_schema(model.requirements, needs)),
        model.request or written(sample(model.inputs)),
        (*model.notes, *_untyped(model)),
    )


def _untyped(model: Description) -> list[str]:
    if not isinstance(model.inputs, Untyped):
        return []
    if model.flavor.startswith("mlflow."):
        why = "MLflow saved it without a signature (signature= or input_example= of log_model)"
    else:
        why = "the model does not say what it takes"
    return [f"{why}: requests are not checked, and may be an array or a table"]


def _is_booster(start: bytes) -> bool:
    return lightgbm.is_file(start) or xgboost.is_file(start)


def _ending(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix not in _COMPRESSIONS), "")


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_START)
