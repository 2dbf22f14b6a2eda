"""lmd history: the revisions of a deployment."""

from dataclasses import asdict

import click

from localmodel.cli import folder_words
from localmodel.cli.project_options import deployment_options
from localmodel.cli.terminal import human
from localmodel.cli.terminal.output import output_option, print_table, print_value, say
from localmodel.targets.target import PastRevision, Target

_DIGITS = 12


@click.command()
@output_option
@deployment_options
def history(target: Target, name: str, output: str) -> None:
    """Show the kept revisions of the deployment NAME.

    The newest comes first. Why one failed, or its trial on clients' requests, stands below the table.
    Each can be served again with lmd rollback. A revision is durable when a restart would serve it.

    \b
    Examples:
      lmd history churn
      lmd history churn -o json
    """
    revisions = target.history(name)
    if output != "text":
        print_value([asdict(revision) for revision in revisions], output)
        return
    in_words = folder_words.of(target, name)
    rows = [
        [
            str(revision.revision),
            human.ago(revision.created),
            _state(revision),
            _short(revision.content),
            _short(revision.code),
            ", ".join(f"{model}@{_short(revision.models[model])}".rstrip("@") for model in revision.models) or "-",
            in_words(revision.cause),
        ]
        for revision in revisions
    ]
    print_table(
        ["REVISION", "CREATED", "STATE", "CONTENT", "CODE", "MODELS", "CAUSE"],
        rows,
        spare=["CONTENT", "CODE", "CREATED"],
    )
    for revision in revisions:
        for failure in filter(None, (revision.failed, revision.trial_failed)):
            say(in_words(_failure(revision, failure)))


def _failure(revision: PastRevision, failure: str) -> str:
    """Why it does not serve, in a line that names the revision once."""
    text, subject = failure.splitlines()[0].partition(": ")[2], f"revision {revision.revision}"
    return text if text.startswith((f"{subject} ", f"{subject}: ")) else f"{subject}: {text}"


def _state(revision: PastRevision) -> str:
    return ", ".join(revision.states) or "-"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_DIGITS]
