"""lmd ui and lmd open: the page in a browser."""

import signal
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

import click

from localmodel.cli import folder_words
from localmodel.cli.project_options import deployment_options
from localmodel.cli.target_option import target_options
from localmodel.cli.terminal.output import say
from localmodel.targets.in_order import ends_in_order
from localmodel.targets.target import Target

if TYPE_CHECKING:
    from localmodel.ui.access import Access

_port_option = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Port on this machine. Default: 6780, or the next one that is free.",
)
_read_only_option = click.option(
    "--read-only", is_flag=True, help="Let nothing be changed from the page; requests can still be sent to models."
)


@click.command()
@_port_option
@_read_only_option
@target_options
def ui(target: Target, port: int | None, read_only: bool) -> None:
    """Serve a page about deployments, models and environments for a browser on this machine, until Ctrl-C.

    The page shows what is deployed, sends requests from a form (a digit is drawn), goes back to earlier revisions, and
    downloads models. It needs no network. Only who has the printed address can open it, and no other web page can.

    \b
    Examples:
      lmd ui
      lmd ui --target kind --read-only
      lmd ui --port 7000
    """

    def ready(access: "Access") -> None:
        say(f"{access.address()}\nOpen this address in a browser; Ctrl-C ends the page")

    _serve(target, port, read_only, ready)


@click.command("open")
@_port_option
@_read_only_option
@deployment_options
def open_(target: Target, name: str, port: int | None, read_only: bool) -> None:
    """Open the page of the deployment NAME in a browser, as lmd ui does for all of them.

    The page is served until Ctrl-C.

    \b
    Examples:
      lmd open churn
      lmd open ./churn --read-only
    """
    path = f"/deployments/{target.get(name).name}"

    def ready(access: "Access") -> None:
        say(f"{access.address(path)}\nOpening it in a browser; Ctrl-C ends the page")
        Thread(target=_open, args=(access.single_use(path),), daemon=True).start()

    _serve(target, port, read_only, ready)


def _open(address: str) -> None:
    try:
        opened = webbrowser.open(address)
    except webbrowser.Error:
        opened = False
    if not opened:
        say("no browser was found: open the address above in one", err=True)


def _serve(target: Target, port: int | None, read_only: bool, ready: "Callable[[Access], None]") -> None:
    from localmodel.ui import serve  # help does without what this imports

    # Closing the terminal is a Ctrl-C as well.
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    # Revisions that were loaded to be asked have files, which go at the end of Python.
    with suppress(KeyboardInterrupt), ends_in_order():
        serve.serve(target, port, read_only, folder_words.of, ready)
