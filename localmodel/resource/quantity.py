"""Kubernetes' quantities: 500m, 2, 1Gi, 1e3."""

import re
from fractions import Fraction

_QUANTITY = re.compile(r"([0-9.]+)(?:[eE]([+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)")
_POWERS_OF_TEN = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS_OF_TWO = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def parse(text: str | int) -> Fraction:
    """The number that a quantity stands for.

    Raises:
        ValueError: it is none.
    """
    found = _QUANTITY.fullmatch(str(text))
    if not found:
        raise ValueError(f"{text!r} is not a quantity")
    number, exponent, suffix = Fraction(found[1]), found[2], found[3] or ""
    if suffix in _POWERS_OF_TWO:
        return number * (1 << _POWERS_OF_TWO[suffix])
    return number * Fraction(f"1e{exponent or _POWERS_OF_TEN.get(suffix, 0)}")
