"""lmd history: the revisions of a deployment."""

from dataclasses import asdict

import click

from localmodel.cli import completion
from localmodel.cli.output import output_option, print_table, print_value
from localmodel.cli.target_option import target_options
from localmodel.targets.target import PastRevision, Target

_DIGITS = 12


@click.command()
@click.argument("name", shell_complete=completion.deployments)
@output_option
@target_options
def history(target: Target, name: str, output: str) -> None:
    """Show the kept revisions of the deployment NAME.

    The newest comes first.
    Each can be served again with lmd rollback. A revision is durable when a restart would serve it.
    """
    found = target.history(name)
    if output != "text":
        print_value([asdict(one) for one in found], output)
        return
    rows = [
        [
            str(one.revision),
            one.created,
            _state(one),
            _short(one.content),
            _short(one.code),
            ", ".join(f"{model}@{_short(one.models[model])}".rstrip("@") for model in one.models) or "-",
            f"{one.cause}; {one.failed.splitlines()[0]}" if one.failed else one.cause,
        ]
        for one in found
    ]
    print_table(["REVISION", "CREATED", "STATE", "CONTENT", "CODE", "MODELS", "CAUSE"], rows)


def _state(one: PastRevision) -> str:
    words = [word for word in ("serving", "durable", "failed") if getattr(one, word)]
    return ", ".join(words) or "-"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_DIGITS]
