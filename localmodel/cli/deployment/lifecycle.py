"""lmd start, stop, restart, delete: what is done to several deployments at once."""

from collections.abc import Callable
from typing import Any

import click

from localmodel import reasons
from localmodel.cli import completion
from localmodel.cli.deployment.apply import sentence
from localmodel.cli.project_options import deployment, wrong_paths
from localmodel.cli.seconds import Seconds
from localmodel.cli.target_option import chosen, where_options
from localmodel.cli.terminal.output import ConsoleProgress, Failure, say
from localmodel.errors import UserError
from localmodel.targets.target import DeploymentStatus, Target

_names = click.argument("names", metavar="[NAME|PATH]...", nargs=-1, shell_complete=completion.deployments)
_timeout = click.option(
    "--timeout",
    type=Seconds(),
    help="Seconds to wait until it serves. Default: the manifest's spec.update.progressDeadlineSeconds, or 300.",
)
_all = click.option("--all", "everything", is_flag=True, help="Every deployment but those that are stopped.")


@click.command()
@_names
@_all
@_timeout
@where_options
def start(names: tuple[str, ...], everything: bool, timeout: float | None, **where: Any) -> None:
    """Start the server of each deployment NAME, with the revision that served last.

    It serves what it served before a stop, a crash or a reboot. If a later edit has failed, that edit stays pending,
    and lmd status goes on reporting it.

    \b
    Examples:
      lmd start churn
      lmd start --all
    """
    progress = ConsoleProgress()
    _on_all(names, everything, where, lambda target, name: _tell(target.start(name, timeout, progress), progress))


@click.command()
@_names
@_all
@where_options
def stop(names: tuple[str, ...], everything: bool, **where: Any) -> None:
    """End the server of each deployment NAME, and keep everything else.

    Requests in flight are answered. lmd start brings back what served; so does the next lmd apply.

    \b
    Examples:
      lmd stop churn
      lmd stop --all
    """
    progress = ConsoleProgress()

    def end(target: Target, name: str) -> None:
        target.stop(name, progress)
        say(f"{name}: stopped; lmd start {name} starts it")

    _on_all(names, everything, where, end)


@click.command()
@_names
@_all
@_timeout
@where_options
def restart(names: tuple[str, ...], everything: bool, timeout: float | None, **where: Any) -> None:
    """Replace the server of each deployment NAME by a new one with the same revision and port.

    Nothing answers for a moment. A server that does not run is started.

    \b
    Examples:
      lmd restart churn
      lmd restart churn --target docker
    """
    progress = ConsoleProgress()
    _on_all(names, everything, where, lambda target, name: _tell(target.restart(name, timeout, progress), progress))


@click.command()
@click.argument("names", metavar="NAME|PATH...", nargs=-1, required=True, shell_complete=completion.deployments)
@where_options
def delete(names: tuple[str, ...], **where: Any) -> None:
    """Stop each deployment NAME and forget it. Models and environments stay.

    \b
    Examples:
      lmd delete churn
      lmd delete churn digits --target kind
    """

    def forget(target: Target, name: str) -> None:
        target.delete(name)
        say(f"{name}: deleted")

    _on_all(names, False, where, forget)


def _on_all(
    words: tuple[str, ...], everything: bool, where: dict[str, Any], act: Callable[[Target, str], None]
) -> None:
    """Act on every deployment that is meant, whatever becomes of the others.

    Raises:
        SystemExit: at least one failed, with exit code 1.
    """
    if bool(words) == everything:
        raise click.UsageError("give NAME, or --all")
    target = chosen({**where}) if everything else None
    failed = False
    for word in _not_stopped(target) if target else words:
        try:
            with wrong_paths():
                act(*((target, word) if target else deployment(word, {**where})))
        except UserError as error:
            if everything and error.reason == reasons.REVISION_NOT_FOUND:  # it has never served
                ConsoleProgress().note(str(error))
                continue
            Failure(str(error)).show()
            failed = True
    if failed:
        raise SystemExit(1)


def _not_stopped(target: Target) -> list[str]:
    deployments = target.deployments()
    if stopped := [status.name for status in deployments if status.stopped]:
        ConsoleProgress().note(f"left stopped: {', '.join(stopped)}")
    return [status.name for status in deployments if not status.stopped]


def _tell(status: DeploymentStatus, progress: ConsoleProgress) -> None:
    say(sentence(status))
    if status.serving is not None and status.message:
        progress.note(status.message)
