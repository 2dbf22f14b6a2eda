"""Kubernetes' quantities: 500m, 2, 1Gi, 1e3."""

import math
import re
from fractions import Fraction

_QUANTITY = re.compile(r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)")
_POWERS_OF_TEN = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS_OF_TWO = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
# Kubernetes rounds up smaller fractions, and cuts off larger values.
_FINEST, _LARGEST = 10**9, 2**63 - 1


def parse(text: str | int) -> Fraction:
    """The number that a quantity means, as Kubernetes stores it.

    Raises:
        ValueError: it is not a quantity.
    """
    match = _QUANTITY.fullmatch(str(text))
    if not match:
        raise ValueError(f"{text!r} is not a quantity")
    number, exponent, suffix = Fraction(match[1].rstrip(".")), match[2], match[3] or ""
    if suffix in _POWERS_OF_TWO:
        number *= 1 << _POWERS_OF_TWO[suffix]
    else:
        number *= Fraction(f"1e{exponent or _POWERS_OF_TEN.get(suffix, 0)}")
    return min(Fraction(math.ceil(number * _FINEST), _FINEST), Fraction(_LARGEST))
