"""What commands print: results on standard output, progress and errors on standard error."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import IO, Any

import click

from localmodel.disk import state_file
from localmodel.printable import json_text, one_line, printable

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

        Console(stderr=True).print(Text("error: ", "bold red") + Text(printable(self.message)), soft_wrap=True)


class Superseded(Failure):
    """Nothing is wrong, but a newer command has taken its place: exit code 3."""

    exit_code = 3


@contextmanager
def left_out() -> Iterator[list[str]]:
    """Print what state_file.skip() tells as it comes, once each; gives a list of it."""
    told: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if (text := record.getMessage()) not in told:
                told.append(text)
                Failure(text).show()

    handler = Handler()
    state_file.log.addHandler(handler)
    state_file.log.propagate = False
    try:
        yield told
    finally:
        state_file.log.removeHandler(handler)
        state_file.log.propagate = True


class ConsoleProgress:
    """See target.Progress: a spinner on a terminal, a plain line a step elsewhere."""

    def __init__(self) -> None:
        # It takes longer to import than most commands take.
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, markup=False)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Shows that the step is under way, then how it went and for how long."""
        outcome: list[str] = []
        started = time.monotonic()
        waiting = self._console.status(one_line(title)) if self._console.is_terminal else nullcontext()
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
        self._console.print(marked + Text(printable(text)), soft_wrap=True)


def say(text: object = "", err: bool = False) -> None:
    """Print a line, or several. What others put into it does not steer the terminal."""
    click.echo(printable(str(text)), err=err)


def pass_on(content: str | bytes) -> None:
    """Print what a script or a server has said: to the byte into a file, as text to a terminal."""
    if sys.stdout.isatty():
        content = printable(content if isinstance(content, str) else content.decode(errors="replace"))
    elif isinstance(content, str):
        content = content.encode(errors="surrogateescape")
    click.echo(content, nl=False)


def print_json(value: Any) -> None:
    click.echo(json_text(json.dumps(value, indent=2, ensure_ascii=False)))


def print_value(value: Any, output: str) -> None:
    """The value in the form that `--output` names."""
    if output == "yaml":
        import yaml

        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        if text != printable(text):
            text = yaml.safe_dump(value, sort_keys=False)  # in ASCII
        click.echo(text, nl=False)
    else:
        print_json(value)


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Columns under their names."""
    rows = [columns, *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
