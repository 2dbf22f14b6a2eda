"""Long lists, a part at a time."""

from dataclasses import dataclass

from starlette.requests import Request

_ON_A_PAGE = 50
_LONGEST_NUMBER = 9  # digits


@dataclass(frozen=True)
class Page:
    """A part of a long list: the items from `first` up to `last`, of `count`."""

    number: int
    count: int

    @classmethod
    def of(cls, request: Request, count: int) -> "Page":
        """The part that the address asks for."""
        return cls(positive(request.query_params.get("page", "1")) or 1, count)

    @property
    def first(self) -> int:
        return (self.number - 1) * _ON_A_PAGE

    @property
    def last(self) -> int:
        return min(self.number * _ON_A_PAGE, self.count)

    @property
    def has_more(self) -> bool:
        return self.number * _ON_A_PAGE < self.count


def positive(text: str) -> int | None:
    """The number in an address; None for anything else."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) or None if is_number else None
