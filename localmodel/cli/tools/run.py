"""lmd run: a script in an environment."""

import os
import sys
from pathlib import Path

import click

from localmodel import reasons
from localmodel.cli import completion
from localmodel.cli.terminal.output import ConsoleProgress
from localmodel.errors import UserError

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("script", type=_A_FILE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--env",
    "environment",
    metavar="NAME[:VERSION]",
    help="Environment of the store.",
    shell_complete=completion.environments,
)
@click.option("--requirements", type=_A_FILE, help="File with requirements to install.")
@click.option("--conda", type=_A_FILE, help="Conda's file with an environment.")
@click.option("--python", metavar="X.Y", help="Version of Python, where the environment comes from a file.")
@click.option("-f", "file", type=_A_FILE, help="Manifest with the environment. Default: the one beside the script.")
@click.option(
    "-k",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with a kustomization.yaml. Default: the script's.",
)
def run(
    script: Path,
    arguments: tuple[str, ...],
    environment: str | None,
    requirements: Path | None,
    conda: Path | None,
    python: str | None,
    file: Path | None,
    folder: Path | None,
) -> None:
    """Run the Python SCRIPT in the environment that will serve it.

    It gets its ARGUMENTS, and may train a model, for example.
    That is the environment of the manifest beside the script, or the one that lmd.toml or a file such as
    requirements.txt describes there or in the current folder, unless an option names another one; and without any of
    these, the active environment, or else that of this command. Options stand before the script: what follows it is the
    script's own.

    It runs in the current folder. What it prints comes at once, and its exit code is the command's.

    \b
    Examples:
      lmd run --requirements requirements.txt train.py
      lmd run --env churn-env train.py --epochs 3
    """
    from localmodel.trial import script_run

    if sum(bool(option) for option in (environment, requirements, conda, file, folder)) > 1:
        raise click.UsageError("give one of --env, --requirements, --conda, -f and -k")
    if python and (environment or file or folder):
        raise click.UsageError("--python: --env, -f and -k name a Python already")
    wish = script_run.Wish(script, environment, requirements, conda, file or folder, python)
    interpreter, variables = script_run.prepare(wish, ConsoleProgress())
    sys.stdout.flush()
    sys.stderr.flush()
    # The script replaces this process, so that signals, the terminal and the exit code are its own.
    try:
        os.execve(interpreter, [str(interpreter), str(script), *arguments], variables)  # noqa: S606
    except OSError as error:
        raise UserError(reasons.PYTHON_MISSING, f"cannot run {interpreter}: {error.strerror}") from None
