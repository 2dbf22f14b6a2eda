"""Reads XGBoost's own files: JSON and UBJSON."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localmodel.environments.formats.definition import DEFAULT_PYTHON
from localmodel.no_code import packages
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.formats import ubjson
from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table, Untyped
from localmodel.no_code.refusal import needs_script, unreadable

NO_CATEGORIES = "it has columns of categories, and does not name them: XGBoost saves their names from version 3.1 on"
_START = 64
# What is large, and is not needed.
_TREES = frozenset({"trees", "tree_info", "iteration_indptr", "weights", "weight_drop"})
_LARGEST_JSON = 64 << 20
_MOST_COLUMNS = 10_000
_CLASSES = {"classifier": "XGBClassifier", "regressor": "XGBRegressor", "ranker": "XGBRanker"}
_FILE = re.compile(rb'\{(L\x00{7}|[iU])\x07learner|\s*\{\s*"learner"')


def is_file(start: bytes) -> bool:
    """Whether a file with this start is XGBoost's, in JSON or UBJSON."""
    return _FILE.match(start) is not None


def describe(path: Path, file: str, kind: str = "") -> Description:
    """The booster or estimator in XGBoost's file; `kind` is its class, if another file names it.

    Raises:
        UserError: ModelUnreadable, ScriptNeeded.
    """
    content = _content(path, binary=bool(kind))
    learner = part(content, "learner")
    elsewhere = bool(kind)
    kind = kind or _class_in(learner)
    version = version_in(content)
    inputs = of_learner(learner)
    if inputs is None:
        raise needs_script(path, NO_CATEGORIES)
    return Description(
        "xgboost",
        file,
        loading(kind, has_categories(inputs)),
        inputs,
        (packages.of_xgboost(version), *(("scikit-learn",) if kind != "Booster" else ())),
        packages.python_for({"xgboost": version}) or DEFAULT_PYTHON,
        outputs=sample_of_answer(learner, kind),
        notes=() if version or elsewhere else ("the file does not say which version of xgboost wrote it",),
    )


def loading(kind: str, categories: bool) -> Loading:
    """How a model of this class is loaded from XGBoost's own file."""
    option = "enable_categorical=True" if categories else ""
    if kind == "Booster":
        load = ("model = xgboost.Booster()", "model.load_model(path)")
        return Loading(("import xgboost",), load, booster_answer(categories))
    load = (f"model = xgboost.{kind}({option})", "model.load_model(path)")
    return Loading(("import xgboost",), load, "np.asarray(predict(data)).tolist()", method="predict")


def booster_answer(categories: bool) -> str:
    """The expression for the answer of a Booster."""
    option = ", enable_categorical=True" if categories else ""
    return f"model.predict(xgboost.DMatrix(data{option})).tolist()"


def has_categories(inputs: Inputs) -> bool:
    """Whether a column has categories."""
    return isinstance(inputs, Table) and any(column.categories for column in inputs.columns)


def sample_of_answer(learner: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Samples of the answer by method, "" for that of a Booster; empty if they are not known."""
    objective = part(learner, "objective").get("name")
    shape = part(learner, "learner_model_param")
    if not isinstance(objective, str) or shape.get("num_target", "1") not in ("0", "1"):
        return {}
    if kind == "XGBClassifier":
        return {"predict": [0], "predict_proba": [[0.0]]}
    rows = [[0.0]] if objective == "multi:softprob" else [0.0]
    return {"" if kind == "Booster" else "predict": rows}


def read_model(file: ubjson.File) -> dict[str, Any]:
    """The content of a model in UBJSON, with or without its training configuration, as pickles have it.

    Raises:
        UnreadableUbjsonError
    """
    content = ubjson.read(file, _TREES)
    return part(content, "Model") or (content if isinstance(content, dict) else {})


def version_in(content: Mapping[str, Any]) -> str:
    """The version that wrote the file, or ""."""
    version = content.get("version")
    return ".".join(str(number) for number in version) if isinstance(version, list) else ""


def of_learner(learner: Mapping[str, Any]) -> Inputs | None:
    """The inputs of the model; None if it has categories, and does not say which."""
    names = learner.get("feature_names") or []
    types = learner.get("feature_types") or []
    if isinstance(types, list) and "c" in types:
        return _of_categories(names, types, _categories(learner))
    if names and len(names) <= _MOST_COLUMNS and all(isinstance(name, str) for name in names):
        return Table(tuple(Column(name, "float64") for name in names))
    count = str(part(learner, "learner_model_param").get("num_feature", ""))
    return Arrays((Array((-1, int(count))),)) if count.isdigit() and 0 < int(count) <= _MOST_COLUMNS else Untyped()


def part(content: Any, key: str) -> dict[str, Any]:
    """The object of this key, or an empty one."""
    inside = content.get(key) if isinstance(content, Mapping) else None
    return inside if isinstance(inside, dict) else {}


def _of_categories(names: list[Any], types: list[Any], categories: list[tuple[Any, ...]]) -> Table | None:
    if not len(names) == len(types) == len(categories) <= _MOST_COLUMNS:
        return None
    columns = []
    for name, kind, values in zip(names, types, categories, strict=True):
        if not isinstance(name, str) or (kind == "c" and not values):
            return None
        columns.append(Column(name, "category", values) if kind == "c" else Column(name))
    return Table(tuple(columns))


def _categories(learner: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The categories of each column, empty for a column of numbers."""
    booster = part(learner, "gradient_booster")
    encoded = part(part(booster, "model") or part(part(booster, "gbtree"), "model"), "cats").get("enc")
    return [_values(column) for column in encoded] if isinstance(encoded, list) else []


def _values(column: Any) -> tuple[Any, ...]:
    """The categories of a column: numbers, or the bytes of all names with their offsets."""
    values = column.get("values") if isinstance(column, dict) else None
    if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
        return ()
    offsets = column.get("offsets")
    if offsets is None:
        return tuple(values)
    try:
        names = bytes(value & 0xFF for value in values)
        return tuple(names[start:end].decode() for start, end in itertools.pairwise(offsets))
    except (TypeError, ValueError):
        return ()


def _class_in(learner: Mapping[str, Any]) -> str:
    """The class of the saved estimator."""
    try:
        about = json.loads(part(learner, "attributes").get("scikit_learn", "{}"))
    except (TypeError, ValueError, RecursionError):
        return "Booster"
    return _CLASSES.get(str(about.get("_estimator_type")), "Booster") if isinstance(about, dict) else "Booster"


def _content(path: Path, binary: bool) -> dict[str, Any]:
    """The content of the file; empty for the format before JSON, if that is allowed."""
    with path.open("rb") as file:
        if binary and not is_file(file.peek(_START)[:_START]):
            return {}
        if file.peek(2)[:2] in (b"{L", b"{i", b"{U"):
            try:
                content = ubjson.read(file, _TREES)
            except ubjson.UnreadableUbjsonError as error:
                raise unreadable(path, str(error)) from None
        elif path.stat().st_size > _LARGEST_JSON:
            raise needs_script(path, "it is more than 64 MiB of JSON, which is not read (save_model writes .ubj, too)")
        else:
            try:
                content = json.load(file)
            except (ValueError, RecursionError) as error:
                raise unreadable(path, f"it is not JSON: {error}") from None
    return content if isinstance(content, dict) else {}
