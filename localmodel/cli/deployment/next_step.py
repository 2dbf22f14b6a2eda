"""Suggests the next command after a success."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from localmodel import target_table
from localmodel.cli import body
from localmodel.cli.terminal.output import say
from localmodel.targets.target import DeploymentStatus

_REQUEST = "request.json"
_LONGEST_EXAMPLE = 100


def tell(command: Callable[[], str]) -> None:
    """Print the suggestion on standard error, and only make it on a terminal, because a result may be piped."""
    if sys.stderr.isatty():
        say(f"try: {command()}", err=True)


def invoke(deployment: DeploymentStatus, target: str, path: Path) -> str:
    """The command that sends a request: the file beside what was applied, or the example of its schema."""
    folder = path if path.is_dir() else path.parent
    command = ["lmd", "invoke", deployment.name]
    if target != target_table.DEFAULT:
        command += ["--target", target]
    if (folder / _REQUEST).is_file():
        command += ["--request", str(folder / _REQUEST)]
    else:
        example = json.dumps(body.example(deployment.url) or {})
        is_shown = 2 < len(example) <= _LONGEST_EXAMPLE
        command += ["--data", example] if is_shown else ["--request", "FILE"]
    return shlex.join(command)
