"""What commands print: results on standard output, progress and errors on standard error."""

import errno
import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import click

from localmodel.cli.terminal import style, table
from localmodel.disk import state_file
from localmodel.output import notices
from localmodel.output.printable import json_text, one_line, printable

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="Form of the result.",
)


class Failure(click.ClickException):
    """A failed command: prints the message on standard error, exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        from rich.console import Console
        from rich.text import Text

        Console(stderr=True).print(Text("error: ", "bold red") + Text(printable(self.message)), soft_wrap=True)


class Superseded(Failure):
    """A command whose place a newer one has taken: exit code 3."""

    exit_code = 3


@contextmanager
def left_out() -> Iterator[list[str]]:
    """Print each message of `state_file.skip()` once, as it comes; yields the list of them."""
    messages: list[str] = []
    with _shown(state_file.log, messages, lambda text: Failure(text).show()):
        yield messages


@contextmanager
def notices_shown() -> Iterator[None]:
    """Print each notice once, as it comes."""
    with _shown(notices.log, [], lambda text: say(text, err=True)):
        yield


@contextmanager
def _shown(log: logging.Logger, messages: list[str], show: Callable[[str], None]) -> Iterator[None]:
    """Add each message of the log to the list, and show it, once."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if (text := record.getMessage()) not in messages:
                messages.append(text)
                show(text)

    handler = Handler()
    log.addHandler(handler)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = True


def _echo(content: str | bytes, newline: bool = True, err: bool = False) -> None:
    try:
        click.echo(content, nl=newline, err=err)
    except OSError as error:
        if error.errno == errno.EPIPE:  # click ends the command
            raise
        raise Failure(f"the output cannot be written: {error.strerror}") from None


class ConsoleProgress:
    """Implements `Progress` and `Live`: a spinner on a terminal, one plain line for each step elsewhere."""

    def __init__(self) -> None:
        # Its import takes longer than most commands.
        from rich.console import Console

        from localmodel.cli.terminal.waiting import Waiting

        self._console = Console(stderr=True, highlight=False, markup=False)
        self._waiting = Waiting(self._console)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show that the step is under way, for how long and what it is at, then its result and how long it took."""
        outcome: list[str] = []
        started = time.monotonic()
        with self._waiting.of(title):
            yield outcome.append
        seconds = time.monotonic() - started
        took = f" ({seconds:.1f} s)" if seconds >= 0.5 else ""
        self._line("✓", "green", f"{title}: {''.join(outcome) or 'done'}{took}")

    def note(self, text: str) -> None:
        self._line("!", "yellow", text)

    def now(self, text: str) -> None:
        self._waiting.now(text)

    def _line(self, mark: str, colour: str, text: str) -> None:
        from rich.text import Text

        marked = Text(f"{mark} ", colour) if self._console.is_terminal else Text()
        self._console.print(marked + Text(printable(text)), soft_wrap=True)


def say(text: object = "", err: bool = False) -> None:
    """Print one or more lines. Control characters in them are escaped, so that they cannot steer the terminal."""
    _echo(printable(str(text)), err=err)


def pass_on(content: str | bytes) -> None:
    """Print the output of a script or server: byte for byte into a file, as text on a terminal."""
    if sys.stdout.isatty():
        content = printable(content if isinstance(content, str) else content.decode(errors="replace"))
    elif isinstance(content, str):
        content = content.encode(errors="surrogateescape")
    _echo(content, newline=False)


def print_json(value: Any) -> None:
    _echo(json_text(json.dumps(value, indent=2, ensure_ascii=False)))


def print_value(value: Any, output: str) -> None:
    """Print the value in the form that `--output` names."""
    if output == "yaml":
        import yaml

        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        if text != printable(text):
            text = yaml.safe_dump(value, sort_keys=False)  # in ASCII
        _echo(text, newline=False)
    else:
        print_json(value)


def print_table(
    columns: list[str],
    rows: list[list[str]],
    empty: str = "",
    paint: Callable[[int, str], str] = lambda _, line: line,
    spare: Sequence[str] = (),
) -> None:
    """Print the rows as a table with these column names, as wide as the terminal at most.

    `paint` gives the line of a row its colour. Without rows there is what `empty` says, on standard error. `spare` are
    columns that a narrow terminal can do without, the first one first.
    """
    if empty and not rows:
        say(empty, err=True)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    head, *lines = table.lines(columns, [[one_line(cell) for cell in row] for row in rows], width, spare)
    _echo(style.bold(head))
    for number, line in enumerate(lines):
        _echo(paint(number, line))
