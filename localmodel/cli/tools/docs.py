"""lmd docs: the documentation in the terminal."""

import difflib
import shutil
import sys

import click

from localmodel.cli.terminal.output import pass_on, print_table
from localmodel.shipped import pages

_WIDEST = 120  # characters; longer lines are hard to read


def _pages(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in pages.titles() if name.startswith(incomplete)]


@click.command()
@click.argument("page", required=False, shell_complete=_pages)
@click.option("--list", "lists", is_flag=True, help="List the pages.")
def docs(page: str | None, lists: bool) -> None:
    """Show a PAGE of the documentation; without one, the overview.

    PAGE is a name of the list, or the last part of it. On a terminal a pager shows it, elsewhere it is Markdown.

    \b
    Examples:
      lmd docs
      lmd docs --list
      lmd docs troubleshooting
      lmd docs how-to/gate
    """
    if lists:
        if page:
            raise click.UsageError("give one of PAGE and --list")
        print_table(["PAGE", "TITLE"], [[name, title] for name, title in pages.titles().items()])
        return
    text = pages.read(_name(page or pages.INDEX))
    if sys.stdout.isatty():
        click.echo_via_pager(_rendered(text))
    else:
        pass_on(text)


def _name(page: str) -> str:
    names = pages.named(page)
    if len(names) == 1:
        return names[0]
    similar = names or difflib.get_close_matches(page, pages.titles(), 2)
    meant = " or ".join(f"lmd docs {name}" for name in similar)
    hint = f"Did you mean {meant}?" if meant else "lmd docs --list lists all."
    raise click.UsageError(f"No page {page!r}. {hint}")


def _rendered(text: str) -> str:
    """The text for a terminal, with its colours."""
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(shutil.get_terminal_size().columns, _WIDEST))
    with console.capture() as capture:
        console.print(Markdown(text, hyperlinks=False))
    return capture.get()
