"""Which packages, and which Python, a model's own library needs, from the versions that the file names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from localmodel.environments.formats.definition import DEFAULT_PYTHON
from localmodel.pickles.mismatch import exactly
from localmodel_untrusted import distributions

SCHEMA = "inference-schema~=1.8"
# The first version of scikit-learn with wheels for a Python, newest first; below the last there are none for any.
_PYTHONS = (((1, 1, 3), DEFAULT_PYTHON), ((1, 0), "3.10"), ((0, 24), "3.9"))
# And the first version of XGBoost that needs a later Python than the default.
_XGBOOST = ((3, 3), "3.12")
# It was the first one that was built for numpy 2, and none before says that it was not.
_NUMPY_2 = (1, 4, 2)


def of_sklearn(version: str) -> list[str]:
    """The requirements for an estimator that this version saved; "" where it is not known."""
    requirements = [exactly("scikit-learn", version)]
    if version and numbers(version) < _NUMPY_2:
        requirements.append("numpy<2")
    return requirements


def python_for(versions: Mapping[str, str]) -> str | None:
    """The Python that these versions of libraries have wheels for; None if one is too old for any."""
    sklearn, xgboost = versions.get("scikit-learn", ""), versions.get("xgboost", "")
    if xgboost and numbers(xgboost) >= _XGBOOST[0]:
        return _XGBOOST[1]
    return next((python for first, python in _PYTHONS if not sklearn or numbers(sklearn) >= first), None)


def of_xgboost(version: str) -> str:
    """The requirement for a model that this version saved: from version 3 on without what only GPUs use, 0.5 GB."""
    name = "xgboost" if version and numbers(version) < (3,) else "xgboost-cpu"
    return exactly(name, version)


def of_modules(modules: Iterable[str], versions: Mapping[str, str]) -> list[str]:
    """The requirements for what a pickle imports, in the versions that it names."""
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
    """The requirements, and a numpy that an old scikit-learn among them can be used with."""
    sklearn = next((each for each in requirements if name(each) == "scikit-learn" and "==" in each), "")
    if not sklearn or any(name(each) == "numpy" for each in requirements):
        return requirements
    return (*requirements, *of_sklearn(sklearn.partition("==")[2])[1:])


def with_schema(requirements: Iterable[str], needs: Iterable[str]) -> tuple[str, ...]:
    """The requirements, and those that the script needs where none of them brings these."""
    kept = list(requirements)
    there = {name(requirement) for requirement in kept}
    return (*kept, *(need for need in needs if name(need) not in there))


def name(requirement: str) -> str:
    """The distribution that the requirement is for."""
    found = re.match(r"\s*([A-Za-z0-9][\w.-]*)", requirement)
    return distributions.normalized(found[1]) if found else ""


def numbers(version: str) -> tuple[int, ...]:
    """The version's first numbers, for comparing."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def is_version(text: str) -> bool:
    """Whether the text is a version that a requirement can name."""
    return re.fullmatch(r"\d{1,6}(\.\w{1,20}){1,5}", text) is not None
