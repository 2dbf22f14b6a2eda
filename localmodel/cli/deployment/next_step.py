"""What one does next, said behind a success."""

import json
import shlex
import sys
from pathlib import Path

from localmodel import target_table
from localmodel.cli import body
from localmodel.cli.output import say
from localmodel.targets.target import DeploymentStatus

_REQUEST = "request.json"
_LONGEST_EXAMPLE = 100


def tell(command: str) -> None:
    """To a person only: on a terminal, and on standard error, as a result may be piped."""
    if sys.stderr.isatty():
        say(f"try: {command}", err=True)


def invoke(deployment: DeploymentStatus, target: str, path: Path) -> str:
    """The command that asks the deployment: with the request beside what was applied, or that of its schema."""
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
