"""A function becomes an entry script, or a sentence says what it uses that a script would not have."""

import asyncio
import json
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

from localmodel.errors import UserError
from localmodel.sdk import function_script

THRESHOLD = 3


def plain(price: float, rooms: int = 2) -> dict[str, float]:
    """Rate a flat."""
    import statistics

    return {"rate": statistics.mean([price, rooms]), "root": sqrt(np.add(price, rooms))}


def with_constant(price: float) -> bool:
    return price > THRESHOLD


def with_default(price: float, least: int = THRESHOLD) -> bool:
    return price > least


def with_inner(prices: list[float]) -> list[float]:
    def half(price: float) -> float:
        return price / THRESHOLD

    return [half(price) for price in prices]


def of_positions(*prices: float) -> float:
    return sum(prices)


async def asynchronous(price: float) -> float:
    await asyncio.sleep(0)
    return price


def closing(price: float) -> Callable[[float], bool]:
    def closed(other: float) -> bool:
        return other > price

    return closed


def test_a_function_is_called_with_the_members_of_the_request() -> None:
    made = function_script.of(plain)
    assert made.modules == {"math", "numpy", "statistics"}
    module: dict[str, Any] = {}
    exec(made.text.replace("from azureml.contrib", "AMLResponse = lambda *told: told  # "), module)
    module["init"]()
    assert module["run"](json.dumps({"price": 4})) == {"rate": 3, "root": sqrt(6)}
    for wrong, said in (
        ('{"cost": 4}', "missing a required argument: 'price'"),
        ("[4]", "mapping"),
        ("{", "Expecting"),
    ):
        text, status = module["run"](wrong)
        assert status == 400 and text.startswith("send a JSON object with the arguments of plain: ") and said in text


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (with_constant, "the function with_constant uses THRESHOLD of its module, which the script would not have"),
        (with_default, "uses THRESHOLD of its module"),
        (with_inner, "uses THRESHOLD of its module"),
        (closing(3), "uses price of the function around it"),
        (of_positions, "has parameters without names"),
        (asynchronous, "is asynchronous or a generator"),
        (lambda price: price, "is not a function that is defined with def"),
        (len, "is not a function that is defined with def"),
        (pytest.mark.parametrize, "is not a function that is defined with def"),
        (eval("lambda: 0").__class__((lambda: 0).__code__, {}, "typed"), "has no source that can be read"),
    ],
)
def test_what_a_script_would_not_have_is_named(function: Callable[..., Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        function_script.of(function)
