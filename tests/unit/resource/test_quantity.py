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
        ("+5.", 5),
        (".5Ki", 512),
        ("2P", 2 * 10**15),
        ("3E1", 30),
        ("100e-2", 1),
        ("7u", Fraction(7, 10**6)),
        ("0.1n", Fraction(1, 10**9)),
        ("1000E", 2**63 - 1),
    ],
)
def test_a_quantity_is_a_number(text: str | int, number: Fraction | int) -> None:
    assert parse(text) == number


@pytest.mark.parametrize("text", ["", "much", "1gi", "-1", ".", "1.2.3", "1K", "1e", "1e3k", "1 Gi"])
def test_what_is_not_a_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse(text)
