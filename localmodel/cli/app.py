"""The command group, with what other packages add to it. A command is imported when it is called, for a quick start."""

import importlib
from typing import TYPE_CHECKING, Any

import click

import localmodel
from localmodel import reasons
from localmodel.cli.output import Failure, Superseded, left_out
from localmodel.disk import home_errors
from localmodel.errors import UserError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_COMMANDS = {
    "apply": "localmodel.cli.deployment.apply:apply",
    "completion": "localmodel.cli.completion:completion",
    "conformance": "localmodel.cli.tools.conformance:conformance",
    "debug": "localmodel.cli.deployment.debug:debug",
    "delete": "localmodel.cli.deployment.deployments:delete",
    "dev": "localmodel.cli.deployment.dev:dev",
    "doctor": "localmodel.cli.tools.doctor:doctor",
    "env": "localmodel.cli.store.env:env",
    "export": "localmodel.cli.tools.export:export",
    "history": "localmodel.cli.deployment.history:history",
    "import": "localmodel.cli.tools.import_:import_",
    "invoke": "localmodel.cli.deployment.deployments:invoke",
    "logs": "localmodel.cli.deployment.deployments:logs",
    "model": "localmodel.cli.store.model:model",
    "plan": "localmodel.cli.deployment.plan:plan",
    "reload": "localmodel.cli.deployment.deployments:reload",
    "rollback": "localmodel.cli.deployment.rollback:rollback",
    "run": "localmodel.cli.tools.run:run",
    "status": "localmodel.cli.deployment.deployments:status",
    "store": "localmodel.cli.store.store:store",
    "try": "localmodel.cli.tools.try_:try_",
    "wait": "localmodel.cli.deployment.deployments:wait",
}


class Commands(click.Group):
    """Our commands and those of the entry points `localmodel.commands`.

    The exit code is 1 after a UserError, or if something was left out because it cannot be read; it is 3 if a newer
    command has taken this one's place.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_COMMANDS, *_added()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _COMMANDS:
            module, _, name = _COMMANDS[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        added = _added()
        return _load(added[cmd_name]) if cmd_name in added else None

    def invoke(self, ctx: click.Context) -> object:
        with left_out() as left_out_messages:
            try:
                with home_errors.told():
                    result = super().invoke(ctx)
            except UserError as error:
                failed = Superseded if error.reason == reasons.SUPERSEDED else Failure
                raise failed(str(error)) from None
        if left_out_messages:
            raise SystemExit(1)
        return result


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(localmodel.__version__, prog_name="lmd")
def main() -> None:
    """Take a trained model and a scoring script to a running endpoint, and keep changing it there."""


def _added() -> "dict[str, EntryPoint]":
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group="localmodel.commands")}


def _load(point: "EntryPoint") -> click.Command:
    try:
        command: click.Command = point.load()
    except ModuleNotFoundError as error:
        return _missing(point.name, str(error.name))
    return command


def _missing(name: str, module: str) -> click.Command:
    install = f"pip install 'localmodel[{name}]'"

    @click.command(
        name,
        short_help=f"(not installed: {install})",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> Any:
        raise Failure(f"lmd {name} needs the Python package {module}: {install}")

    return command
