"""What stands for the values that a pickle would make."""

from typing import Any, Final, NamedTuple


class Global(NamedTuple):
    """Something imported: a class or a function."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Unknown:
    """A value that does not matter here, or that only running the pickle would tell."""


UNKNOWN: Final = Unknown()


class Made:
    """What a call would return: of what, with which arguments, and the state that it was given afterwards."""

    __slots__ = ("arguments", "of", "state")

    def __init__(self, of: Any, arguments: Any) -> None:
        self.of = of
        self.arguments = arguments
        self.state: Any = None


# Texts, numbers, None, tuples, and dictionaries with the keys that matter stand for themselves.
Value = Any
