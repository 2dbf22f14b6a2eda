"""The request that is sent to a deployment where the user gives none."""

from pathlib import Path

import click

from localmodel import reasons
from localmodel.cli.project_options import project_of
from localmodel.cli.terminal.output import ConsoleProgress
from localmodel.errors import UserError
from localmodel.targets.target import Target


def given_or_own(target: Target, name: str, data: str | None, request: Path | None) -> tuple[str | None, Path | None]:
    """The body and the file of --data and --request, or else of the deployment's own sample request.

    That is the file of the folder that it was applied from, or what a model without a script describes.

    Raises:
        click.UsageError: both are given, or there is none.
    """
    if data is not None and request is not None:
        raise click.UsageError("give one of --data and --request, not both")
    if data is not None or request is not None:
        return data, request
    from localmodel.project import sample_request  # few need it

    project = project_of(target, name)
    sample = sample_request.of(target, name, project)
    if isinstance(sample, Path):
        return None, sample
    if sample is not None:
        ConsoleProgress().note("request: the sample request that the model describes")
        return sample, None
    looked = f"; {project.request} does not exist" if project else _gone(target, name)
    raise click.UsageError(f"give one of --data and --request{looked}")


def _gone(target: Target, name: str) -> str:
    """That the path which the deployment was applied from does not exist any more, if that is so."""
    from localmodel.project import applied

    try:
        applied.path_of(target, name)
    except UserError as error:
        return f"; {error}" if error.reason == reasons.SOURCE_MISSING else ""
    return ""
