"""Waiting for two things at once."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


async def gather_both(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """Both results, once both have ended.

    Neither asyncio.gather() nor a TaskGroup will do: one leaves the other running when the first fails, and its writes
    come behind the caller's back; the other cancels it in the middle of a write, and raises groups of exceptions.

    Raises:
        Exception: what the first raises, else what the second does.
    """
    a, b = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(a, BaseException):
        raise a
    if isinstance(b, BaseException):
        raise b
    return a, b
