"""Finds the boosters of XGBoost and LightGBM inside pickles."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from localmodel.no_code.formats import estimator, lightgbm, ubjson, xgboost
from localmodel.no_code.inputs import Inputs
from localmodel.no_code.refusal import needs_script
from localmodel.pickles.outline import class_of, content_of, state_of
from localmodel.pickles.stream import UnreadablePickleError
from localmodel.pickles.values import Made, Span, Value

_DEEPEST = 5


class Booster(NamedTuple):
    """A booster: its inputs, and the versions that its text names by library."""

    inputs: Inputs
    versions: dict[str, str]


def inside(path: Path, root: Value) -> Booster | None:
    """The booster in the outline of a pickle, which is the object itself, or that of an estimator.

    Raises:
        UserError: ScriptNeeded, if it does not say what its categories are.
    """
    state = _state(root, 0)
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
            else:
                model = xgboost.read_model(file)
                inputs, why = xgboost.of_learner(xgboost.part(model, "learner")), xgboost.NO_CATEGORIES
                library, version = "xgboost", xgboost.version_in(model)
    except (UnreadablePickleError, ubjson.UnreadableUbjsonError):
        return None
    if inputs is None:
        raise needs_script(path, why)
    return Booster(inputs, {library: version} if version else {})


def _state(value: Value, depth: int) -> dict[str, Value]:
    """The state of the booster that gets the input as it is."""
    known, state = class_of(value), state_of(value)
    if known is not None and known.name == "Booster":
        return state
    if "_Booster" in state:
        return state_of(state["_Booster"])
    if depth < _DEEPEST:
        for inner in estimator.parts(state):
            if found := _state(inner, depth + 1):
                return found
    return {}
