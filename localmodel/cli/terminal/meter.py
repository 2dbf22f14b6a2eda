"""A progress bar for transfers, shown only on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from localmodel.oci.layout import Meter
from localmodel.output.printable import one_line


@contextmanager
def meter(title: str) -> Iterator[Meter | None]:
    """The function that a transfer reports its bytes to, or None if standard error is not a terminal."""
    from rich.console import Console

    from localmodel.cli.terminal.waiting import can_move

    console = Console(stderr=True)
    if not can_move(console):
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(one_line(title), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
