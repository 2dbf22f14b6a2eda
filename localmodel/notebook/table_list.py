"""A list that a notebook shows as a table."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from localmodel.notebook import html


class HasRow(Protocol):
    """A value that has a line in a table."""

    def _row(self) -> Mapping[str, str]:
        """Its cells, by the names of their columns."""


T = TypeVar("T", bound=HasRow)


class TableList(list[T]):
    """A list of values that each have a line."""

    def _repr_html_(self) -> str:
        return html.rows([value._row() for value in self], "[]")
