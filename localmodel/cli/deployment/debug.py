"""lmd debug: a debugger in a worker of a running deployment."""

import contextlib
import json
import signal
from pathlib import Path

import click

from localmodel.cli.project_options import deployment_options, project_of
from localmodel.cli.terminal.output import ConsoleProgress, say
from localmodel.debugger import launch_file, session
from localmodel.debugger.debuggee import Debuggee, Wish
from localmodel.debugger.local import LocalDebuggee
from localmodel.debugger.pod import PodDebuggee
from localmodel.disk import user_file
from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.target import Target
from localmodel_untrusted.files import decoded, read_file


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Where the IDE finds the worker. Default: 5678; with --target docker the container has a port of its own.",
)
@click.option("--connect", metavar="HOST:PORT", help="Where an IDE waits for the worker to connect.")
@click.option("--wait", is_flag=True, help="Import the script when the debugger has attached, to stop in init() too.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The script's source folder. Default: the one that was applied, or else the current one.",
)
@deployment_options
def debug(target: Target, name: str, port: int | None, connect: str | None, wait: bool, folder: Path | None) -> None:
    """Let a debugger into the deployment NAME, until Ctrl-C.

    Requests go to one worker with debugpy in it, and nothing times out meanwhile; what lmd apply brings is debugged
    too. An entry for VS Code is put into .vscode/launch.json. The port is open to everybody on this machine.

    \b
    Examples:
      lmd debug ./churn
      lmd debug churn --wait --port 5679
    """
    wish = Wish(port, _address(connect) if connect else None, wait)
    progress = ConsoleProgress()
    # Closing the terminal, or kill, is a Ctrl-C as well.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    target.get(name)  # fails if there is no deployment of this name
    source = folder or source_folder(target, name)
    with contextlib.ExitStack() as stack:
        debuggee: Debuggee
        if isinstance(target, LocalTarget):
            debuggee = LocalDebuggee(name, target)
        else:
            options = click.get_current_context().params
            pod = PodDebuggee(name, options["context"], options["namespace"], progress)
            debuggee = stack.enter_context(pod)
        with contextlib.suppress(KeyboardInterrupt):
            session.debug(
                debuggee, wish, progress, lambda port: _tell(debuggee, wish, port, source.resolve(), progress)
            )


def source_folder(target: Target, name: str) -> Path:
    """The folder that the deployment was applied from; the current one if that cannot be told."""
    applied = project_of(target, name)
    return applied.place.root if applied else Path()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.UsageError(f"--connect: {text!r} is not HOST:PORT")
    return host, int(port)


def _tell(debuggee: Debuggee, wish: Wish, port: int, folder: Path, progress: ConsoleProgress) -> None:
    if not (folder / debuggee.entry).is_file():
        progress.note(f"there is no {debuggee.entry} in {folder}: name the script's folder with --folder")
    workspace = Path.cwd()
    configuration = launch_file.entry(
        debuggee.name, wish, port, launch_file.local_root(folder, workspace), debuggee.code.rstrip("/")
    )
    path = workspace / ".vscode" / "launch.json"
    try:
        user_file.write(path, launch_file.merge(decoded(read_file(path) or b""), configuration).encode())
        say(f'VS Code: "{configuration["name"]}" under Run and Debug (.vscode/launch.json)')
    except (ValueError, OSError) as error:
        progress.note(f"{path} is left as it is ({error}); add to its configurations:")
        say(json.dumps(configuration, indent=4))
    if wish.connect:
        say(f"Other IDEs: the worker has connected to {wish.connect[0]}:{wish.connect[1]}")
    else:
        say(f"PyCharm and others that attach to debugpy: 127.0.0.1:{port}, path mapping")
        say(f"  {folder} = {debuggee.code}")
        say(f"An IDE that waits for the worker instead: lmd debug {debuggee.name} --connect HOST:PORT")
    say("Ctrl-C ends debugging; the deployment goes on serving.")
