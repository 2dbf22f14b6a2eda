"""The request that is sent to a deployment where the user gives none."""

from dataclasses import replace
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
    project = project_of(target, name)
    if project and project.request.is_file():
        return None, project.request
    if (sample := _of_model(target, name)) is not None:
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


def _of_model(target: Target, name: str) -> str | None:
    """What the generated first gate sends; None where the deployment has a script, or no sample is known."""
    from localmodel.disk import home  # few need them
    from localmodel.resource import spec
    from localmodel.store import Store
    from localmodel.updates import served_spec

    wanted = spec.parse(target.manifests(name).deployment["spec"])
    if not wanted.source.is_generated:
        return None
    gate = served_spec.of(replace(wanted, gate=None), Store(home.store())).gate
    return str(gate.requests[0]["body"]) if gate else None
