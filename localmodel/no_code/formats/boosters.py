"""Reads XGBoost's and LightGBM's own files, and their boosters inside pickles."""

from __future__ import annotations

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
from localmodel.pickles.outline import content_of, state_of
from localmodel.pickles.stream import UnreadablePickleError
from localmodel.pickles.values import Made, Span, Value

_START = 64
_TREES = frozenset({"gradient_booster"})
_LARGEST_JSON = 64 << 20
_LONGEST_HEAD = 4 << 20
_LONGEST_TAIL = 1 << 20
_MOST_COLUMNS = 10_000
_CLASSES = {"classifier": "XGBClassifier", "regressor": "XGBRegressor", "ranker": "XGBRanker"}
_LIGHTGBM = re.compile(rb"tree\r?\nversion=")
_VERSION = re.compile(rb"version=v(\d+)")
_XGBOOST = re.compile(rb'\{(L\x00{7}|[iU])\x07learner|\s*\{\s*"learner"')
_CATEGORIES = re.compile(rb"\npandas_categorical:(\[.*\])\s*$")
# The name of an unnamed column.
_COUNTED = re.compile(r"Column_\d+")


def is_lightgbm(start: bytes) -> bool:
    """Whether a file with this start is LightGBM's."""
    return _LIGHTGBM.match(start) is not None


def is_xgboost(start: bytes) -> bool:
    """Whether a file with this start is XGBoost's, in JSON or UBJSON."""
    return _XGBOOST.match(start) is not None


def describe_xgboost(path: Path, file: str, kind: str = "") -> Description:
    """The booster or estimator in XGBoost's file; `kind` is its class, if another file names it.

    Raises:
        UserError: ModelUnreadable, ScriptNeeded.
    """
    content = _xgboost_content(path, binary=bool(kind))
    learner = _part(content, "learner")
    elsewhere = bool(kind)
    kind = kind or _class_in(learner)
    version = ".".join(str(number) for number in content.get("version") or ())
    if "c" in (learner.get("feature_types") or []):
        raise needs_script(path, "it has categories, and the file does not say which")
    return Description(
        "xgboost",
        file,
        _xgboost_loading(kind),
        _of_learner(learner),
        (packages.of_xgboost(version), *(("scikit-learn",) if kind != "Booster" else ())),
        packages.python_for({"xgboost": version}) or DEFAULT_PYTHON,
        notes=() if version or elsewhere else ("the file does not say which version of xgboost wrote it",),
    )


def _class_in(learner: Mapping[str, Any]) -> str:
    """The class of the saved estimator, or "" for a booster."""
    try:
        about = json.loads(_part(learner, "attributes").get("scikit_learn", "{}"))
    except (TypeError, ValueError):
        return "Booster"
    return _CLASSES.get(str(about.get("_estimator_type")), "Booster") if isinstance(about, dict) else "Booster"


def _xgboost_loading(kind: str) -> Loading:
    load = (f"model = xgboost.{kind}()", "model.load_model(path)")
    if kind == "Booster":
        return Loading(("import xgboost",), load, "model.predict(xgboost.DMatrix(data)).tolist()")
    return Loading(("import xgboost",), load, "np.asarray(predict(data)).tolist()", method="predict")


def describe_lightgbm(path: Path, file: str) -> Description:
    """The booster in LightGBM's text format.

    Raises:
        UserError: ModelUnreadable.
    """
    with path.open("rb") as opened:
        head = opened.read(_LONGEST_HEAD)
        opened.seek(max(0, path.stat().st_size - _LONGEST_TAIL))
        tail = opened.read(_LONGEST_TAIL)
    inputs = _of_lightgbm(head, _categories(tail))
    if inputs is None:
        raise unreadable(path, "it has no feature_names, as LightGBM writes them")
    # Version 4 reads files of version 3.
    version = _lightgbm_version(head).replace(">=3.3,<4", ">=3.3,<5")
    return Description("lightgbm", file, lightgbm_loading(), inputs, (f"lightgbm{version}",), DEFAULT_PYTHON)


def lightgbm_loading() -> Loading:
    """How LightGBM's own file is loaded."""
    load = ("model = lightgbm.Booster(model_file=str(path))",)
    return Loading(("import lightgbm",), load, "np.asarray(model.predict(data)).tolist()")


def inside(path: Path, root: Value) -> tuple[Inputs | None, dict[str, str]]:
    """The inputs of the booster in the outline of a pickled estimator, and the versions that it names."""
    state = state_of(root)
    booster = state_of(state.get("_Booster"))
    handle = booster.get("handle", booster.get("_handle"))
    if isinstance(handle, Made) and isinstance(handle.arguments, tuple) and handle.arguments:
        handle = handle.arguments[0]
    if not isinstance(handle, Span):
        return None, {}
    try:
        with content_of(path, handle) as file:
            if "_handle" in booster or "pandas_categorical" in booster:
                head = file.read(min(handle.length, _LONGEST_HEAD))
                lightgbm_version = _lightgbm_version(head)
                return _of_lightgbm(head, booster.get("pandas_categorical")), {
                    "lightgbm": lightgbm_version
                } if lightgbm_version else {}
            content = ubjson.read(file, _TREES)
    except (UnreadablePickleError, ubjson.UnreadableUbjsonError):
        return None, {}
    model = _part(content, "Model") or _part({"content": content}, "content")
    version = ".".join(str(number) for number in model.get("version") or ())
    return _of_learner(_part(model, "learner")), {"xgboost": version} if version else {}


def _xgboost_content(path: Path, binary: bool) -> dict[str, Any]:
    """The content of the file; empty for the format before JSON, if that is allowed."""
    with path.open("rb") as file:
        if binary and not is_xgboost(file.peek(_START)[:_START]):
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


def _lightgbm_version(head: bytes) -> str:
    """The versions that write this format; LightGBM's files do not say more."""
    return {b"3": ">=3.3,<4", b"4": ">=4,<5"}.get(match[1], "") if (match := _VERSION.search(head)) else ""


def _of_learner(learner: Mapping[str, Any]) -> Inputs:
    names = learner.get("feature_names") or []
    types = learner.get("feature_types") or []
    if names and len(names) <= _MOST_COLUMNS and all(isinstance(name, str) for name in names):
        return Table(tuple(Column(name, "float64") for name in names)) if "c" not in types else Untyped()
    count = str(_part(learner, "learner_model_param").get("num_feature", ""))
    return Arrays((Array((-1, int(count))),)) if count.isdigit() and 0 < int(count) <= _MOST_COLUMNS else Untyped()


def _of_lightgbm(head: bytes, categories: Any) -> Inputs | None:
    lines = dict(line.split("=", 1) for line in head.decode(errors="replace").splitlines()[:100] if "=" in line)
    names = lines.get("feature_names", "").split(" ")
    infos = lines.get("feature_infos", "").split(" ")
    if not names[0]:
        return None
    if all(_COUNTED.fullmatch(name) for name in names):
        return Arrays((Array((-1, len(names))),))
    # A constant column has no range.
    of_categories = [name for name, info in zip(names, infos, strict=False) if info[:1] not in ("[", "n")]
    known = (
        categories if isinstance(categories, list) and all(isinstance(values, list) for values in categories) else []
    )
    if len(known) != len(of_categories):
        return Table(tuple(Column(name, "object" if name in of_categories else "float64") for name in names))
    by_name = dict(zip(of_categories, known, strict=True))
    return Table(tuple(Column(name, *_kind(by_name.get(name))) for name in names))


def _kind(categories: Any) -> tuple[str, tuple[Any, ...]]:
    if categories is None:
        return "float64", ()
    plain = all(isinstance(value, str | int) for value in categories)
    return ("category", tuple(categories)) if plain and categories else ("object", ())


def _categories(tail: bytes) -> Any:
    match = _CATEGORIES.search(tail)
    try:
        return json.loads(match[1]) if match else None
    except ValueError:
        return None


def _part(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    part = content.get(key) if isinstance(content, Mapping) else None
    return part if isinstance(part, dict) else {}
