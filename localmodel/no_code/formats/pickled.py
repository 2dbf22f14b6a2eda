"""Reads estimators in pickles of joblib and pickle."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from localmodel import pickles
from localmodel.no_code import packages
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.formats import booster_pickle, estimator, xgboost
from localmodel.no_code.refusal import needs_script, unreadable
from localmodel.pickles.outline import class_of, outline
from localmodel.pickles.stream import UnreadablePickleError
from localmodel.pickles.values import Global, Value
from localmodel_untrusted import distributions

_JOBLIB = Loading(("import joblib",), ("model = joblib.load(path)",), "np.asarray(predict(data)).tolist()")
_PICKLE = Loading(
    ("import pickle",), ('with path.open("rb") as file:', "    model = pickle.load(file)"), _JOBLIB.answer
)
# Modules that belong to others than their names say: those of Python 2, and scikit-learn's compiled ones.
_KNOWN = {"__builtin__", "copy_reg", "_codecs", "_loss", "cloudpickle"}
_BY_VALUE = (
    "it holds functions by value (cloudpickle), which load only with the Python that saved it: --python names it"
)


def describe(path: Path, file: str, packaged: bool = False) -> Description:
    """The estimator in a pickle. `packaged` says that another file has its requirements.

    Raises:
        UserError: ModelUnreadable, ScriptNeeded.
    """
    try:
        root, findings = outline(path, estimator.ATTRIBUTES)
    except UnreadablePickleError as error:
        raise unreadable(path, str(error)) from None
    seen = pickles.examine(path)
    modules, versions = seen.get("modules", []), seen.get("versions", {})
    whole = class_of(root)
    if whole is None or _is_plain(whole):
        raise needs_script(path, f"it holds {_words(root, whole)}, which has no predict()")
    check_modules(path, findings.globals, packaged)
    booster = booster_pickle.inside(path, root)
    if booster is not None:
        versions = {**versions, **booster.versions}
    python = packages.python_for(versions)
    if python is None:
        old = f"scikit-learn {versions['scikit-learn']}"
        raise needs_script(path, f"{old} saved it, which has wheels for no supported Python: save it with a newer one")
    inputs = booster.inputs if booster else estimator.inputs_of(root)
    joblib = findings.arrays or any(report["compression"] for report in seen["files"].values())
    loading = _JOBLIB if joblib or "sklearn" in {module.partition(".")[0] for module in modules} else _PICKLE
    loading = replace(loading, method="predict")
    if whole.name == "Booster" and whole.module.startswith("xgboost."):  # it takes XGBoost's own matrices
        answer = xgboost.booster_answer(xgboost.has_categories(inputs))
        loading = Loading((*loading.imports, "import xgboost"), loading.load, answer)
    notes = [_BY_VALUE] if any(module.startswith("cloudpickle") for module in modules) else []
    return Description(
        distributions.of_module(whole.module).replace("scikit-learn", "sklearn"),
        file,
        loading,
        inputs,
        tuple(packages.of_modules(modules, versions)),
        python,
        notes=tuple(notes),
        outputs=(booster.outputs if booster else {}) or estimator.outputs_of(root),
    )


def check_modules(path: Path, names: Iterable[Global], packaged: bool = False) -> None:
    """Check that packages have the classes.

    Raises:
        UserError: ScriptNeeded, for classes that no package has.
    """
    own = sorted({name.name.partition(".")[0] for name in names if name.module == "__main__"})
    if own:
        raise needs_script(
            path, f"{', '.join(own)} is of the script or notebook that saved it, and a script must define it"
        )
    strange = sorted({module for module, _ in names if not _is_of_a_package(module)})
    if strange and not packaged:
        raise needs_script(path, f"it needs the module {strange[0]}, which lies beside the code that saved it")


def _is_of_a_package(module: str) -> bool:
    first = module.partition(".")[0]
    return bool(distributions.of_module(module)) or first in sys.stdlib_module_names or first in _KNOWN


def _is_plain(name: Global) -> bool:
    return name.module.partition(".")[0] in {*sys.stdlib_module_names, "numpy", "pandas", "copy_reg", "__builtin__"}


def _words(root: Value, whole: Global | None) -> str:
    if whole is not None:
        return f"a {whole.name}"
    return f"a {type(root).__name__}" if isinstance(root, dict | list | tuple | str) else "a value"
