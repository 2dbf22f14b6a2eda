"""Stand-ins for the values that a pickle would make."""

from typing import Any, Final, NamedTuple


class Global(NamedTuple):
    """An imported class or function."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Unknown:
    """A value that does not matter here, or that is known only by running the pickle."""


UNKNOWN: Final = Unknown()


class Span(Unknown):
    """A long text, or long bytes: where they lie in the file once it is unpacked."""

    __slots__ = ("length", "start")

    def __init__(self, start: int, length: int) -> None:
        self.start = start
        self.length = length


class StoredArray(Unknown):
    """An array whose bytes lie in the file: the code of its type, as in `numpy.dtype("f8")`, and its shape."""

    __slots__ = ("code", "shape")

    def __init__(self, code: str, shape: tuple[int, ...]) -> None:
        self.code = code
        self.shape = shape


class Made:
    """The result of a call: what was called, its arguments, and the state that was set afterwards."""

    __slots__ = ("arguments", "of", "state")

    def __init__(self, of: Any, arguments: Any) -> None:
        self.of = of
        self.arguments = arguments
        self.state: Any = None


# Texts, numbers, None, tuples, and dictionaries with the keys that matter represent themselves; so do lists where they
# are asked for.
Value = Any
