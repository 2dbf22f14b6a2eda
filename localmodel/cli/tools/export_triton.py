"""lmd export triton: a model repository for Triton's Python backend."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localmodel.cli.project_options import deployment_options
from localmodel.cli.terminal.output import ConsoleProgress, say
from localmodel.cli.tools.new_folder import require_new

if TYPE_CHECKING:
    from localmodel.targets.target import Target


@click.command()
@click.option(
    "--output-dir",
    "place",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write. Default: NAME-triton in the current folder.",
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that is there already.")
@deployment_options
def triton(target: "Target", name: str, place: Path | None, overwrite: bool) -> None:
    """Write the deployment NAME as a model repository for Triton's Python backend.

    A request is a text in the tensor raw_data, and its answer is JSON in the tensor result. Triton's Python needs the
    packages of the requirements.txt beside the model. On standard output is the command to type next.

    \b
    Examples:
      lmd export triton churn --output-dir models
    """
    from localmodel.disk import home, user_file
    from localmodel.store import Store
    from localmodel.updates import revision
    from localmodel.ways_out import pack
    from localmodel.ways_out import triton as written

    place = place or Path(f"{name}-triton")
    require_new(place, overwrite)
    packed, files = pack.look_up(target.manifests(name), ConsoleProgress())
    repository = written.write(packed, files, revision.model_dir("", packed.models))
    for path, content in repository.files.items():
        user_file.write(place / path, content)
    models = place / name / "1" / "app" / revision.MODELS_FOLDER
    for model in packed.models:
        Store(home.store()).models.download(
            model.name, model.version, models / model.name / str(model.version), exist_ok=True
        )
    for note in repository.notes:
        ConsoleProgress().note(note)
    say(f"tritonserver --model-repository {shlex.quote(str(place))}")
