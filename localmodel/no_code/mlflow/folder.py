"""Reads folders that MLflow saves, which a file MLmodel describes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from localmodel.environments.formats import conda, requirements_txt
from localmodel.environments.formats.definition import pythons
from localmodel.no_code import packages
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.formats import lightgbm, onnx, pickled, skops, xgboost
from localmodel.no_code.inputs import Untyped, written
from localmodel.no_code.mlflow import signature
from localmodel.no_code.refusal import needs_script, unreadable
from localmodel_untrusted.files import UnreadableError, read_file

MODEL = "MLmodel"
_LARGEST = 4 << 20
_OWN = {"mlflow", "mlflow-skinny"}
_PYFUNC = Loading(
    ("import mlflow.pyfunc", "import pandas as pd"),
    ("model = mlflow.pyfunc.load_model(str(path))",),
    "answer(model.predict(data))",
    '''
def answer(result):
    """The result as JSON has it."""
    if isinstance(result, pd.DataFrame):
        return result.to_dict("records")
    if isinstance(result, dict):
        return {name: answer(value) for name, value in result.items()}
    return result.tolist() if hasattr(result, "tolist") else result
''',
)


def describe(folder: Path, file: str) -> Description:
    """The model in MLflow's folder.

    Raises:
        UserError: ModelUnreadable, ScriptNeeded; EnvironmentInvalid, for its requirements.
    """
    content = _content(folder)
    flavors = content.get("flavors")
    if not isinstance(flavors, dict) or not flavors:
        raise unreadable(folder, "its MLmodel names no flavors")
    pyfunc = _part(flavors, "python_function")
    loader = str(pyfunc.get("loader_module", "")).removeprefix("mlflow.")
    flavor = loader if pyfunc else next((name for name in _FLAVORS if name in flavors), "")
    if flavor in _FLAVORS and isinstance(flavors.get(flavor), dict):
        description = _FLAVORS[flavor](folder, file, flavors[flavor])
        description = replace(description, flavor=f"mlflow.{flavor}", code=_code(folder, file, flavors[flavor]))
    elif pyfunc:
        description = Description("mlflow.pyfunc", file, _PYFUNC, Untyped(), (), "")
    else:
        raise needs_script(
            folder, f"MLflow saved it without python_function, as {', '.join(sorted(map(str, flavors)))}"
        )
    return _with_files(folder, content, pyfunc, description)


def _with_files(folder: Path, content: dict[str, Any], pyfunc: dict[str, Any], description: Description) -> Description:
    """The description with what other files of the folder add: environment, signature, example."""
    python = _python(folder, pyfunc, description.python)
    requirements = _requirements(folder, python)
    if description.flavor != "mlflow.pyfunc":
        requirements = tuple(text for text in requirements if packages.name(text) not in _OWN)
    elif not requirements:
        raise unreadable(folder, "it has neither requirements.txt nor conda.yaml, which say what it needs")
    requirements = packages.with_numpy(requirements)
    if "xgboost-cpu" in map(packages.name, requirements):  # MLflow names both if one is installed
        requirements = tuple(text for text in requirements if packages.name(text) != "xgboost")
    if description.flavor != "mlflow.onnx":  # the graph says more
        description = _with_signature(content.get("signature"), pyfunc, description)
    example = content.get("saved_input_example_info")
    name = example.get("artifact_path") if isinstance(example, dict) else None
    request = signature.request_of(_below(folder, name) if isinstance(name, str) else None, description.inputs)
    return replace(
        description,
        python=python,
        requirements=requirements or description.requirements,
        request=written(request),
    )


def _with_signature(signed: Any, pyfunc: dict[str, Any], description: Description) -> Description:
    loading, is_pyfunc = description.loading, description.flavor == "mlflow.pyfunc"
    method = str(pyfunc.get("predict_fn", ""))
    if loading.method and method.isidentifier():
        loading = replace(loading, method=method)
    # Only models of pyfunc take them, and XGBoost's.
    parameters = signature.parameters_of(signed) if is_pyfunc else ()
    if parameters:
        loading = replace(loading, answer="answer(model.predict(data, params=params))")
    answer = signature.outputs_of(signed, has_tables=is_pyfunc)
    return replace(
        description,
        loading=loading,
        inputs=signature.merge(signature.inputs_of(signed), description.inputs),
        outputs=description.outputs if answer is None else {**description.outputs, loading.method: answer},
        parameters=parameters,
    )


def _sklearn(folder: Path, file: str, flavor: dict[str, Any]) -> Description:
    return _object(folder, file, flavor, str(flavor.get("pickled_model", "model.pkl")))


def _object(folder: Path, file: str, flavor: dict[str, Any], name: str) -> Description:
    path = _below(folder, name)
    if flavor.get("serialization_format") == "skops":
        trusted = flavor.get("skops_trusted_types")
        return skops.describe(path, f"{file}/{name}", tuple(map(str, trusted)) if isinstance(trusted, list) else ())
    return pickled.describe(path, f"{file}/{name}", packaged=True)


def _xgboost(folder: Path, file: str, flavor: dict[str, Any]) -> Description:
    name = str(flavor.get("data", "model.xgb"))
    kind = str(flavor.get("model_class", "xgboost.core.Booster")).rpartition(".")[2]
    return xgboost.describe(_below(folder, name), f"{file}/{name}", kind if kind.isidentifier() else "Booster")


def _lightgbm(folder: Path, file: str, flavor: dict[str, Any]) -> Description:
    name = str(flavor.get("data", "model.lgb"))
    if str(flavor.get("model_class", "lightgbm.basic.Booster")).endswith(".Booster"):
        return lightgbm.describe(_below(folder, name), f"{file}/{name}")
    return _object(folder, file, flavor, name)


def _onnx(folder: Path, file: str, flavor: dict[str, Any]) -> Description:
    name = str(flavor.get("data", "model.onnx"))
    return onnx.describe(_below(folder, name), f"{file}/{name}", packaged=True)


_FLAVORS: dict[str, Callable[[Path, str, dict[str, Any]], Description]] = {
    "sklearn": _sklearn,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "onnx": _onnx,
}


class _Loader(yaml.SafeLoader):
    """A YAML loader without merge keys, which can turn a short text into a large value."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        pass


def _content(folder: Path) -> dict[str, Any]:
    try:
        text = read_file(folder / MODEL, _LARGEST)
        content = yaml.load(text or b"", _Loader)  # noqa: S506 - it is a safe one
    except UnreadableError as error:
        raise unreadable(folder, f"{MODEL}: {error}") from None
    except RecursionError:
        raise unreadable(folder, f"{MODEL}: it is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise unreadable(folder, f"{MODEL} is not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(content, dict):
        raise unreadable(folder, f"{MODEL} is not an object")
    return content


def _python(folder: Path, pyfunc: dict[str, Any], otherwise: str) -> str:
    wanted = ".".join(str(pyfunc.get("python_version", "")).split(".")[:2])
    if not wanted and otherwise:
        return otherwise
    if wanted not in pythons():
        saved = f"MLflow saved it with Python {wanted}" if wanted else f"{MODEL} has no python_version"
        raise needs_script(folder, f"{saved}, and {', '.join(pythons())} are supported")
    return wanted


def _requirements(folder: Path, python: str) -> tuple[str, ...]:
    if (folder / "requirements.txt").is_file():
        return requirements_txt.define(folder / "requirements.txt", python).spec.requirements
    if (folder / "conda.yaml").is_file():
        return conda.define(folder / "conda.yaml").spec.requirements
    return ()


def _code(folder: Path, file: str, flavor: dict[str, Any]) -> str:
    name = flavor.get("code")
    return f"{file}/{name}" if isinstance(name, str) and _below(folder, name).is_dir() else ""


def _below(folder: Path, name: str) -> Path:
    """The file of this name, which must be in the folder."""
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (RuntimeError, ValueError):  # links that lead in a circle; a name with a null character
        raise unreadable(folder, f"its {MODEL} names {name!a}, which is no file") from None
    if not inside:
        raise unreadable(folder, f"its {MODEL} names {name!a}, which leads out of the folder")
    if not path.exists():
        raise unreadable(folder, f"its {MODEL} names {name!a}, which is not in the folder")
    return path


def _part(content: dict[str, Any], key: str) -> dict[str, Any]:
    part = content.get(key)
    return part if isinstance(part, dict) else {}
