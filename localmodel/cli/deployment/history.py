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
    revisions = target.history(name)
    if output != "text":
        print_value([asdict(revision) for revision in revisions], output)
        return
    rows = [
        [
            str(revision.revision),
            revision.created,
            _state(revision),
            _short(revision.content),
            _short(revision.code),
            ", ".join(f"{model}@{_short(revision.models[model])}".rstrip("@") for model in revision.models) or "-",
            f"{revision.cause}; {revision.failed.splitlines()[0]}" if revision.failed else revision.cause,
        ]
        for revision in revisions
    ]
    print_table(["REVISION", "CREATED", "STATE", "CONTENT", "CODE", "MODELS", "CAUSE"], rows)


def _state(revision: PastRevision) -> str:
    words = [word for word in ("serving", "durable", "failed") if getattr(revision, word)]
    return ", ".join(words) or "-"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_DIGITS]
