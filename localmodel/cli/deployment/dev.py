"""lmd dev: update a deployment at each save."""

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localmodel.cli.captured.rules import comparing
from localmodel.cli.project_options import project_options
from localmodel.cli.seconds import Seconds
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import say
from localmodel.targets.target import Target

if TYPE_CHECKING:
    from localmodel.project.project import Project
    from localmodel_untrusted.answer_difference import Rules


@click.command()
@project_options
@click.option(
    "--request",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the body of a sample request, sent after each update. Default: lmd.toml's, or request.json beside "
    "the script or the manifest.",
)
@click.option(
    "--traffic",
    metavar="CAPTURE|NAME",
    help="Captured requests to ask after each update, and to say which answers change: a file from lmd capture, or the "
    "last 500 of a deployment.",
)
@click.option(
    "--timeout",
    type=Seconds(),
    help="Seconds to wait until an update serves. Default: the manifest's spec.update.progressDeadlineSeconds, or 300.",
)
@comparing("--traffic", "traffic")
@where_options
def dev(
    target: Target,
    project: "Project",
    request: Path | None,
    traffic: str | None,
    timeout: float | None,
    rules: "Rules",
) -> None:
    """Update a deployment at each save of its files, until Ctrl-C.

    PATH and options are those of lmd apply: the files of the folder, or those that the manifest names, are watched.
    Each update says how long its steps took, and how the answer to the sample request has changed. When it fails, it
    says why, with the script's traceback; what served goes on serving, and the next save is tried. A save takes the
    place of one that still loads.

    \b
    Examples:
      lmd dev ./churn
      lmd dev churn.yaml --request request.json
      lmd dev ./churn --traffic requests.jsonl --ignore '$.took'
    """
    from localmodel.dev.screen import Terminal  # help does without what these import
    from localmodel.dev.session import Session
    from localmodel.dev.source import Source

    screen = Terminal()
    source = Source(target, project, timeout)
    asked = None
    if traffic:
        from localmodel.cli.captured import dev_traffic

        asked = dev_traffic.asking(traffic, target, rules)
    session = Session(target, source, request or project.request, screen, asked)
    # Closing the terminal, or kill, is a Ctrl-C as well.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        session.run()
    screen.busy(None)
    for text in session.end():
        say(f"no longer watching; {text}")
