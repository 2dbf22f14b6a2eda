"""What commands print: results on standard output, progress and errors on standard error."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import IO, Any

import click

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Form of the result.",
)


class Failure(click.ClickException):
    """The thing failed: the message on standard error, exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        from rich.console import Console
        from rich.text import Text

        Console(stderr=True).print(Text("error: ", "bold red") + Text(self.message), soft_wrap=True)


class ConsoleProgress:
    """See target.Progress: a spinner on a terminal, a plain line a step elsewhere."""

    def __init__(self) -> None:
        # It takes longer to import than most commands take.
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Shows that the step is under way, then how it went and for how long."""
        outcome: list[str] = []
        started = time.monotonic()
        waiting = self._console.status(title) if self._console.is_terminal else nullcontext()
        with waiting:
            yield outcome.append
        seconds = time.monotonic() - started
        took = f" ({seconds:.1f} s)" if seconds >= 0.5 else ""
        self._line("✓", "green", f"{title}: {''.join(outcome) or 'done'}{took}")

    def note(self, text: str) -> None:
        self._line("!", "yellow", text)

    def _line(self, mark: str, colour: str, text: str) -> None:
        from rich.text import Text

        marked = Text(f"{mark} ", colour) if self._console.is_terminal else Text()
        self._console.print(marked + Text(text), soft_wrap=True)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_value(value: Any, output: str) -> None:
    """The value in the form that `--output` names."""
    if output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), nl=False)
    else:
        print_json(value)


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Columns under their names."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    for row in [columns, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
