"""The command group, with what other packages add to it. A command is imported when it is called, for a quick start."""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

import localmodel
from localmodel import reasons
from localmodel.cli import docstrings
from localmodel.cli.group import Group
from localmodel.cli.terminal.output import Failure, Superseded, left_out, notices_shown
from localmodel.disk import home_errors
from localmodel.errors import UserError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# As lmd --help shows them: what one does first comes first.
_GROUPS = {
    "Look around": {
        "demo": "localmodel.cli.tools.demo:demo",
        "docs": "localmodel.cli.tools.docs:docs",
        "doctor": "localmodel.cli.tools.doctor:doctor",
        "ui": "localmodel.cli.tools.ui:ui",
        "open": "localmodel.cli.tools.ui:open_",
    },
    "Write a script": {
        "init": "localmodel.cli.deployment.init:init",
        "try": "localmodel.cli.tools.try_:try_",
        "run": "localmodel.cli.tools.run:run",
        "dev": "localmodel.cli.deployment.dev:dev",
        "debug": "localmodel.cli.deployment.debug:debug",
    },
    "Serve it": {
        "plan": "localmodel.cli.deployment.plan:plan",
        "apply": "localmodel.cli.deployment.apply:apply",
        "reload": "localmodel.cli.deployment.deployments:reload",
        "wait": "localmodel.cli.deployment.deployments:wait",
        "history": "localmodel.cli.deployment.history:history",
        "rollback": "localmodel.cli.deployment.rollback:rollback",
        "promote": "localmodel.cli.deployment.promote:promote",
        "abort": "localmodel.cli.deployment.promote:abort",
        "delete": "localmodel.cli.deployment.lifecycle:delete",
    },
    "Start and stop it": {
        "start": "localmodel.cli.deployment.lifecycle:start",
        "stop": "localmodel.cli.deployment.lifecycle:stop",
        "restart": "localmodel.cli.deployment.lifecycle:restart",
        "autostart": "localmodel.cli.tools.autostart:autostart",
    },
    "Use what serves": {
        "status": "localmodel.cli.deployment.deployments:status",
        "invoke": "localmodel.cli.deployment.invoke:invoke",
        "forward": "localmodel.cli.deployment.forward:forward",
        "bench": "localmodel.cli.deployment.bench:bench",
        "logs": "localmodel.cli.deployment.deployments:logs",
        "capture": "localmodel.cli.captured.capture:capture",
        "replay": "localmodel.cli.captured.replay:replay",
        "why": "localmodel.cli.captured.why:why",
        "rerun": "localmodel.cli.captured.rerun:rerun",
        "bisect": "localmodel.cli.captured.bisect:bisect",
        "gate": "localmodel.cli.captured.gate:gate",
        "conformance": "localmodel.cli.tools.conformance:conformance",
    },
    "Models and environments": {
        "model": "localmodel.cli.store.model:model",
        "env": "localmodel.cli.store.env:env",
        "store": "localmodel.cli.store.store:store",
    },
    "Have a cluster": {
        "kind": "localmodel.cli.tools.kind:kind",
    },
    "Other tools": {
        "import": "localmodel.cli.tools.import_:import_",
        "export": "localmodel.cli.tools.export:export",
        "completion": "localmodel.cli.completion:completion",
    },
}
_COMMANDS = {name: place for commands in _GROUPS.values() for name, place in commands.items()}
_ADDED = "Have a cluster"
_LONGEST_SENTENCE = 300


class Commands(Group):
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        added = [*_added()]
        width = max(map(len, (*_COMMANDS, *added)))
        for title, commands in _GROUPS.items():
            names = [*commands, *(added if title == _ADDED else ())]
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), _in_a_list(name, _LONGEST_SENTENCE)) for name in names])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=_in_a_list(name)) for name in names), *options]

    def main(self, *arguments: Any, **options: Any) -> Any:
        # A program that starts it may have closed them
        sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - for as long as the program runs
        sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
        sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> object:
        with notices_shown(), left_out() as left_out_messages:
            try:
                with home_errors.as_user_errors():
                    result = super().invoke(ctx)
            except KeyboardInterrupt as error:
                for note in getattr(error, "__notes__", ()):
                    Failure(f"interrupted: {note}").show()
                raise
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


def _in_a_list(name: str, longest: int = 45) -> str:
    """The command's first sentence."""
    own = _COMMANDS.get(name)
    command = docstrings.command(*own.split(":")) if own else _load(_added()[name])
    return command.get_short_help_str(longest)


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
