"""The tables of reasons, in which each has its meaning and what to do."""

from typing import NamedTuple, NewType

Reason = NewType("Reason", str)


class Row(NamedTuple):
    """A row of a table: what the reason means there, in Markdown, and what to do, which may be empty."""

    reason: Reason
    means: str
    do: str


# The tables by their names in the page, each a list of rows.
TABLES: dict[str, list[Row]] = {}

UNDER_WAY = "under-way"
STALLED = "stalled"
NEITHER = "neither"
STAGES = "stages"
EVENTS = "events"
COMMANDS = "commands"
OPERATOR = "operator"
DOCKER = "docker"
STORE = "store"
AZURE_FILES = "azure-files"


def reason(table: str, text: str, means: str, do: str = "") -> Reason:
    """Declare a reason, with its row in a table."""
    also(table, Reason(text), means, do)
    return Reason(text)


def also(table: str, reason: Reason, means: str, do: str = "") -> None:
    """Add a row for the same reason to another table."""
    TABLES.setdefault(table, []).append(Row(reason, means, do))
