"""Kubernetes' quantities as numbers."""

from fractions import Fraction

import pytest

from localmodel.resource.quantity import parse


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", Fraction(1, 2)),
        ("2", 2),
        (3, 3),
        ("1.5G", 1_500_000_000),
        ("1Gi", 1 << 30),
        ("1e3", 1000),
        ("1E", 10**18),
    ],
)
def test_a_quantity_is_a_number(text: str | int, number: Fraction | int) -> None:
    assert parse(text) == number


@pytest.mark.parametrize("text", ["", "much", "1gi", "-1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse(text)
