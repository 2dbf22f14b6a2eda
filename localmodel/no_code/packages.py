"""The packages and the Python that a model needs, from the versions that its file names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from localmodel.environments.formats.definition import DEFAULT_PYTHON
from localmodel.pickles.mismatch import exactly
from localmodel_untrusted import distributions

SCHEMA = "inference-schema~=1.8"
# The first version of scikit-learn with wheels for each Python, newest first; older versions have no wheels.
_PYTHONS = (((1, 1, 3), DEFAULT_PYTHON), ((1, 0), "3.10"), ((0, 24), "3.9"))
# The first version of XGBoost that needs a later Python than the default.
_XGBOOST = ((3, 3), "3.12")
# The first version that was built for numpy 2, which earlier versions do not exclude.
_NUMPY_2 = (1, 4, 2)


def of_sklearn(version: str) -> list[str]:
    """The requirements for an estimator that this version saved; "" means that it is unknown."""
    requirements = [exactly("scikit-learn", version)]
    if version and numbers(version) < _NUMPY_2:
        requirements.append("numpy<2")
    return requirements


def python_for(versions: Mapping[str, str]) -> str | None:
    """The Python for which these versions of libraries have wheels, or None if one is too old."""
    sklearn, xgboost = versions.get("scikit-learn", ""), versions.get("xgboost", "")
    if xgboost and numbers(xgboost) >= _XGBOOST[0]:
        return _XGBOOST[1]
    return next((python for first, python in _PYTHONS if not sklearn or numbers(sklearn) >= first), None)


def of_xgboost(version: str) -> str:
    """The requirement for a model that this version saved; from version 3 on without the 0.5 GB for GPUs."""
    name = "xgboost" if version and numbers(version) < (3,) else "xgboost-cpu"
    return exactly(name, version)


def of_modules(modules: Iterable[str], versions: Mapping[str, str]) -> list[str]:
    """The requirements for a pickle's imports, in the versions that it names."""
    names = sorted({distributions.of_module(module) for module in modules} - {""})
    requirements: list[str] = []
    for name in names:
        if name == "scikit-learn":
            requirements += of_sklearn(versions.get(name, ""))
        elif name == "xgboost":
            requirements.append(of_xgboost(versions.get(name, "")))
        elif name != "numpy" or "scikit-learn" not in names:
            requirements.append(exactly(name, versions.get(name, "")))
    return requirements


def with_numpy(requirements: tuple[str, ...]) -> tuple[str, ...]:
    """The requirements, with a numpy that fits an old scikit-learn among them."""
    sklearn = next((text for text in requirements if name(text) == "scikit-learn" and "==" in text), "")
    if not sklearn or any(name(text) == "numpy" for text in requirements):
        return requirements
    return (*requirements, *of_sklearn(sklearn.partition("==")[2])[1:])


def with_schema(requirements: Iterable[str], needs: Iterable[str]) -> tuple[str, ...]:
    """The requirements, with those that the script `needs` and that are not among them."""
    kept = list(requirements)
    names = {name(requirement) for requirement in kept}
    return (*kept, *(need for need in needs if name(need) not in names))


def name(requirement: str) -> str:
    """The requirement's distribution."""
    match = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
    return distributions.normalized(match[1]) if match else ""


def numbers(version: str) -> tuple[int, ...]:
    """The version's first numbers, for comparing."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def is_version(text: str) -> bool:
    """Whether the text is a version that a requirement can name."""
    return re.fullmatch(r"\d{1,6}(\.\w{1,20}){1,5}", text) is not None
