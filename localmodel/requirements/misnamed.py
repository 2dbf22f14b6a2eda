"""Names that people write in requirements, and that no package can be installed by."""

import re
from collections.abc import Iterable

from localmodel_untrusted import distributions

_SAID = re.compile(r"(?P<name>[\w.-]+) is not a package that can be installed; write (?P<right>[\w.-]*\w)")


def faults(names: Iterable[str], where: str) -> list[str]:
    """A sentence for each such name; `where` is the field of the list that they stand in."""
    return [
        f"{where}[{index}]: {name} is not a package that can be installed; write {right}"
        for index, name in enumerate(names)
        if (right := distributions.meant(name))
    ]


def corrections(error: str) -> dict[str, str]:
    """From the names to the right ones, as sentences of faults() have them."""
    return {found["name"]: found["right"] for found in _SAID.finditer(error)}
