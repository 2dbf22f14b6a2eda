"""Finds code in the state of a scipy.stats distribution, which runs when the state is set."""

import re
from collections.abc import Iterable
from typing import Final

from localmodel.pickles.values import UNKNOWN, Global, Made, Unknown, Value

KEY: Final = "_parse_arg_template"

_NAMES = r"[\w, ]*"
_PLACE = r"loc=0(, scale=1)?"
# What scipy writes itself: three functions that pass on their arguments.
_USUAL = re.compile(
    rf"\s*def _parse_args\(self, {_NAMES} {_PLACE}\):\s*return \({_NAMES}\),{_NAMES}"
    rf"\s*def _parse_args_rvs\(self, {_NAMES} {_PLACE}, size=None\):"
    rf"\s*return self\._argcheck_rvs\({_NAMES}, size=size\)"
    rf"\s*def _parse_args_stats\(self, {_NAMES} {_PLACE}, moments='mv'\):"
    rf"\s*return \({_NAMES}\),{_NAMES}, moments\s*"
)


def hazard(state: Value, imported: Iterable[Global]) -> str:
    """A description of a state that may hold code which scipy.stats runs, else ""."""
    if isinstance(state, dict) and KEY in state:
        usual = isinstance(state[KEY], str) and _USUAL.fullmatch(state[KEY])
        return "" if usual else f"code in a state ({KEY})"
    if not _hides_keys(state) or not any(f"{name.module}.".startswith("scipy.stats.") for name in imported):
        return ""
    return "a state for scipy.stats whose keys are known only when it runs"


def _hides_keys(state: Value) -> bool:
    """Whether `dict.update()` could take keys from the state that are not seen here."""
    if isinstance(state, tuple):
        return bool(state) and all(isinstance(item, tuple) and len(item) == 2 for item in state)
    return isinstance(state, Made | Unknown) or (isinstance(state, dict) and UNKNOWN in state)
