"""Finds names in requirements that are not names of packages, such as `sklearn`."""

import re
from collections.abc import Iterable

from localmodel_untrusted import distributions

_SAID = re.compile(r"(?P<name>[\w.-]+) is not a package that can be installed; write (?P<right>[\w.-]*\w)")


def faults(names: Iterable[str], where: str) -> list[str]:
    """A sentence for each such name; `where` is the field of their list."""
    return [
        f"{where}[{index}]: {name} is not a package that can be installed; write {right}"
        for index, name in enumerate(names)
        if (right := distributions.meant(name))
    ]


def corrections(error: str) -> dict[str, str]:
    """The right names by the wrong ones, from sentences of `faults()`."""
    return {match["name"]: match["right"] for match in _SAID.finditer(error)}
