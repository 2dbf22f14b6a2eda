"""Reads the inputs of an estimator from the outline of its object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table, Texts, Untyped, value
from localmodel.pickles.outline import array_of, class_of, state_of, texts_of
from localmodel.pickles.values import Made, Value

ATTRIBUTES = (
    "n_features_in_",
    "feature_names_in_",
    "steps",
    "transformers_",
    "transformer_list",
    "categories_",
    "best_estimator_",
    "estimators_",
    "estimator_",
    "estimator",
    "_Booster",
    "handle",
    "_handle",
    "pandas_categorical",
    "_n_features",
    "classes_",
    "_classes",
    "coef_",
    "n_outputs_",
)
_INSIDE = ("best_estimator_", "estimator_", "estimator")
# By the first letter of a type's code.
_LABELS = {"i": "int64", "u": "uint64", "f": "float64", "b": "bool", "U": "str"}
_LINEAR = {"LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "SGDRegressor"}
_SINGLE = {"LGBMRegressor", "GradientBoostingRegressor", "HistGradientBoostingRegressor"}
_DEEPEST = 20
_MOST_COLUMNS = 10_000


def inputs_of(estimator: Value, depth: int = 0) -> Inputs:
    """The inputs of predict(), as far as the object has them."""
    known = class_of(estimator)
    state = state_of(estimator)
    if known is None or depth > _DEEPEST:
        return Untyped()
    if names := texts_of(state.get("feature_names_in_")):
        kinds = _kinds(estimator, names, depth)
        return Table(tuple(Column(name, kinds.get(name, "float64")) for name in names))
    count = state.get("n_features_in_")
    if isinstance(count, int) and 0 < count <= _MOST_COLUMNS:
        return Arrays((Array((-1, count)),))
    if known.module.startswith("sklearn.feature_extraction.text"):
        return Texts()
    for inside in parts(state):
        if not isinstance(inner_inputs := inputs_of(inside, depth + 1), Untyped):
            return inner_inputs
    return Untyped()


def outputs_of(estimator: Value, depth: int = 0) -> dict[str, Any]:
    """Samples of what is answered, by method, as far as the object shows them."""
    known = class_of(estimator)
    state = state_of(estimator)
    if known is None or depth > _DEEPEST:
        return {}
    if (last := _last(state)) is not None:
        return outputs_of(last, depth + 1)
    if (label := _label(state.get("classes_", state.get("_classes")))) is not None:
        several = known.name.startswith("MLP")  # it may answer with several labels
        return {} if several else {"predict": [label], "predict_proba": [[0.0]]}
    coefficients = array_of(state.get("coef_")) if known.name in _LINEAR else None
    if coefficients is not None and len(coefficients.shape) in (1, 2):
        return {"predict": [0.0] if len(coefficients.shape) == 1 else [[0.0]]}
    single = known.name in _SINGLE or (known.name.endswith("Regressor") and state.get("n_outputs_") == 1)
    return {"predict": [0.0]} if single else {}


def _last(state: dict[str, Value]) -> Value | None:
    """The inner estimator that answers for the whole."""
    steps = state.get("steps")
    if isinstance(steps, list) and steps and isinstance(steps[-1], tuple) and len(steps[-1]) == 2:
        return steps[-1][1]
    return state.get("best_estimator_")


def _label(classes: Value) -> Any:
    """A sample of the label of a class, or None if it is not known."""
    if texts_of(classes):
        return value("str")
    array = array_of(classes)
    return value(_LABELS[array.code[0]]) if array and len(array.shape) == 1 and array.code[:1] in _LABELS else None


def parts(state: dict[str, Value]) -> Iterator[Value]:
    """The inner estimators that get the same input as the whole."""
    steps = state.get("steps")
    if isinstance(steps, list):
        real = (step[1] for step in steps if isinstance(step, tuple) and len(step) == 2 and isinstance(step[1], Made))
        yield from list(real)[:1]
    for several in ("transformer_list", "estimators_"):
        items = state.get(several)
        for item in items[:1] if isinstance(items, list) else ():
            yield item[1] if isinstance(item, tuple) and len(item) > 1 else item
    yield from (state[name] for name in _INSIDE if name in state)


def _kinds(estimator: Value, names: list[str], depth: int) -> dict[str, str]:
    """The types of the columns that a column transformer does not treat as numbers."""
    if depth > _DEEPEST:
        return {}
    state = state_of(estimator)
    kinds: dict[str, str] = {}
    transformers = state.get("transformers_")
    for item in transformers if isinstance(transformers, list) else ():
        if isinstance(item, tuple) and len(item) == 3:
            columns = _columns(item[2], names)
            kinds.update(dict.fromkeys(_objects(item[1], columns), "object"))
    for inside in parts(state):
        kinds.update(_kinds(inside, names, depth + 1))
    return kinds


def _columns(value: Value, names: list[str]) -> list[str]:
    """The names of a transformer's columns, from a name, a list of names, or of positions."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        chosen = [names[item] if type(item) is int and item < len(names) else item for item in value]
        return [name for name in chosen if isinstance(name, str)]
    return texts_of(value) or []


def _objects(transformer: Value, columns: list[str]) -> list[str]:
    """The columns that may have any values: texts, dropped columns, and those of unknown classes."""
    if transformer == "drop":
        return columns
    steps = state_of(transformer).get("steps")
    inside = (
        [step[1] for step in steps if isinstance(step, tuple) and len(step) == 2] if isinstance(steps, list) else []
    )
    for part in (transformer, *inside):
        known = class_of(part)
        categories = state_of(part).get("categories_")
        if isinstance(categories, list):
            return [name for name, values in zip(columns, categories, strict=False) if texts_of(values) is not None]
        if known is not None and not (known.module.startswith("sklearn.") and ".text" not in known.module):
            return columns
    return []
