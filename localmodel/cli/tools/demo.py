"""lmd demo: from nothing to a prediction, and from an edit to the changed answer."""

import json
import os
import shlex
import shutil
import subprocess
import time

import click

from localmodel import target_table
from localmodel.cli import program
from localmodel.cli.terminal.output import Failure, say
from localmodel.demo import project
from localmodel.disk import home


@click.command()
@click.argument("action", required=False, type=click.Choice(["stop"]))
def demo(action: str | None) -> None:
    """Train a small model, serve it as a process, ask it, edit its script, and ask it again.

    The demo shows each command before it runs it. The model is scikit-learn's, for which the first demo installs an
    environment with Python 3.11. With stop, the deployment is deleted and its files are removed; the model and the
    environment stay.

    \b
    Examples:
      lmd demo
      lmd demo stop
    """
    try:
        _stop() if action else _run()
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None  # the command has printed why


def _stop() -> None:
    if project.folder().exists() and _is_there():
        _lmd("delete", project.NAME)
    else:
        say("the demo does not run")
    project.remove()


def _run() -> None:
    if _is_there() and not project.folder().exists():
        raise Failure(f"a deployment {project.NAME} is there that is not the demo's; lmd delete {project.NAME} first")
    _title("The sample, its environment, and its model")
    project.write()
    say(f"$ cd {shlex.quote(str(project.folder()))}")
    if (project.folder() / project.MODEL_FILE).exists():
        say(f"{project.MODEL_FILE} is there already")
    else:
        _lmd("run", "train.py")
    project.use(_register())

    _title("Serve it")
    _lmd("apply", ".")
    url = _ask()

    _title("Edit the script, and apply it again")
    project.change_answer()
    say(f"- {project.ANSWER}\n+ {project.CHANGED_ANSWER}")
    started = time.monotonic()
    _lmd("apply", ".")
    took = time.monotonic() - started
    again = _ask()
    stayed = f"and the address has stayed: {url}" if again == url else f"and the address is now {again}"
    say(f"the edit took {took:.1f} s, {stayed}")

    _title("It goes on serving")
    say(f"what serves:  lmd status\nits log:      lmd logs {project.NAME} -f\nto stop it:   lmd demo stop")
    if shutil.which("lmd") is None:
        say(f"(lmd is {program.path()})")


def _register() -> int:
    """Register the model; returns its version."""
    command = ("model", "register", project.MODEL_FILE, "--name", project.MODEL)
    _show(command)
    registered = _output(*command)
    say(registered)
    return int(registered.partition(",")[0].rpartition(":")[2])


def _ask() -> str:
    """Send the sample's request, and return the address."""
    _lmd("invoke", project.NAME, "--request", "request.json")
    deployment = json.loads(_output("status", project.NAME, "-o", "json"))
    return str(deployment["url"])


def _is_there() -> bool:
    return any(deployment["name"] == project.NAME for deployment in json.loads(_output("status", "-o", "json")))


def _lmd(*arguments: str) -> None:
    """Show a command, and run it in the demo's folder."""
    _show(arguments)
    subprocess.run([program.path(), *arguments], cwd=project.folder(), env=_environment(), check=True)


def _output(*arguments: str) -> str:
    """What a command prints."""
    command = [str(program.path()), *arguments]
    folder = project.folder() if project.folder().exists() else None
    done = subprocess.run(command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def _show(arguments: tuple[str, ...]) -> None:
    say(f"$ lmd {shlex.join(arguments)}")


def _environment() -> dict[str, str]:
    """The variables of the commands, whatever the current folder and the default target are."""
    return {**os.environ, "LOCALMODEL_HOME": str(home.home()), "LOCALMODEL_TARGET": target_table.DEFAULT}


def _title(text: str) -> None:
    say(f"\n== {text}")
