"""Finds the boosters of XGBoost and LightGBM inside pickles."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from localmodel.no_code.formats import estimator, lightgbm, ubjson, xgboost
from localmodel.no_code.inputs import Inputs
from localmodel.no_code.refusal import needs_script
from localmodel.pickles.outline import class_of, content_of, state_of
from localmodel.pickles.stream import UnreadablePickleError
from localmodel.pickles.values import Made, Span, Value

_DEEPEST = 5


class Booster(NamedTuple):
    """A booster: its inputs, samples of its answer by method, and the versions that its text names by library."""

    inputs: Inputs
    outputs: dict[str, Any]
    versions: dict[str, str]


def inside(path: Path, root: Value) -> Booster | None:
    """The booster in the outline of a pickle, which is the object itself, or that of an estimator.

    Raises:
        UserError: ScriptNeeded, if it does not say what its categories are.
    """
    state, whole = _state(root, 0), class_of(root)
    kind = whole.name if whole is not None else ""
    outputs: dict[str, Any] = {}
    handle = state.get("handle", state.get("_handle"))
    if isinstance(handle, Made) and isinstance(handle.arguments, tuple) and handle.arguments:
        handle = handle.arguments[0]
    if not isinstance(handle, Span):
        return None
    try:
        with content_of(path, handle) as file:
            if "_handle" in state or "pandas_categorical" in state:
                head = file.read(min(handle.length, lightgbm.LONGEST_HEAD))
                inputs, why = lightgbm.inputs_of(head, state.get("pandas_categorical")), lightgbm.NO_CATEGORIES
                library, version = "lightgbm", lightgbm.version_in(head)
                if kind == "Booster":
                    outputs = {"": lightgbm.sample_of_answer(head)}
            else:
                model = xgboost.read_model(file)
                learner = xgboost.part(model, "learner")
                inputs, why = xgboost.of_learner(learner), xgboost.NO_CATEGORIES
                library, version = "xgboost", xgboost.version_in(model)
                if whole is not None and whole.module.startswith("xgboost."):
                    outputs = xgboost.sample_of_answer(learner, kind)
    except (UnreadablePickleError, ubjson.UnreadableUbjsonError):
        return None
    if inputs is None:
        raise needs_script(path, why)
    return Booster(inputs, outputs, {library: version} if version else {})


def _state(value: Value, depth: int) -> dict[str, Value]:
    """The state of the booster that gets the input as it is."""
    known, state = class_of(value), state_of(value)
    if known is not None and known.name == "Booster":
        return state
    if "_Booster" in state:
        return state_of(state["_Booster"])
    if depth < _DEEPEST:
        for inner in estimator.parts(state):
            if below := _state(inner, depth + 1):
                return below
    return {}
