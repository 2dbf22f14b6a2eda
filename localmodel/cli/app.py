"""The command group, with what other packages add to it."""

from importlib.metadata import EntryPoint, entry_points

import click

import localmodel
from localmodel.cli.apply import apply
from localmodel.cli.conformance import conformance
from localmodel.cli.debug import debug
from localmodel.cli.deployments import delete, invoke, logs, reload, status, wait
from localmodel.cli.doctor import doctor
from localmodel.cli.model import model
from localmodel.cli.output import Failure
from localmodel.cli.try_ import try_
from localmodel.errors import UserError


class Commands(click.Group):
    """Our commands and those of the entry points `localmodel.commands`; a UserError ends with code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_added()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        added = _added()
        return _load(added[cmd_name]) if cmd_name in added else super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise Failure(str(error)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(localmodel.__version__, prog_name="lmd")
def main() -> None:
    """Take a trained model and a scoring script to a running endpoint, and keep changing it there."""


main.add_command(apply)
main.add_command(conformance)
main.add_command(debug)
main.add_command(delete)
main.add_command(doctor)
main.add_command(invoke)
main.add_command(logs)
main.add_command(model)
main.add_command(reload)
main.add_command(status)
main.add_command(try_)
main.add_command(wait)


def _added() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group="localmodel.commands")}


def _load(point: EntryPoint) -> click.Command:
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
    def command(arguments: tuple[str, ...]) -> None:
        raise Failure(f"lmd {name} needs the Python package {module}: {install}")

    return command
