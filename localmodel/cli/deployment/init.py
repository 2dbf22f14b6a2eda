"""lmd init: the files that a folder lacks to be deployed."""

from pathlib import Path

import click

from localmodel.cli.deployment import next_step
from localmodel.cli.output import ConsoleProgress, say
from localmodel.shipped import samples


@click.command()
@click.argument("path", required=False, default=Path(), type=click.Path(path_type=Path))
@click.option("--name", help="Name of the deployment. Default: the folder's.")
@click.option("--sample", type=click.Choice(samples.names()), help="Write the files of this sample instead.")
def init(path: Path, name: str | None, sample: str | None) -> None:
    """Write the files that a folder lacks to be deployed.

    PATH is the folder, or a model in it; the current folder, if there is none. The files are lmd.toml, score.py,
    requirements.txt, request.json and gate.yaml. They fit the model that lies in the folder, if it says enough of
    itself, and the imports of the script. A file that is there already is not changed.

    A sample has a script, a program that trains its model, a manifest, a request, and a README.md that says what comes
    next.

    \b
    Examples:
      lmd init ./churn
      lmd init model.onnx
      lmd init ./digits --sample sklearn-mnist
    """
    if sample:
        if name:
            raise click.UsageError("--name: a sample's manifest names the deployment")
        _write_sample(path, sample)
        return
    from localmodel.disk import user_file
    from localmodel.project import definition
    from localmodel.project.folder import beside
    from localmodel.project.folder.scaffold import scaffold
    from localmodel.project.place import Place

    folder = path.parent if path.is_file() else path
    if name is None:
        name = beside.deployment_name(Place("folder", folder))
    definition.check_name(name)
    found = scaffold(folder, name)
    for file, content in found.files.items():
        user_file.write(folder / file, content)
    progress = ConsoleProgress()
    for note in found.notes:
        progress.note(note)
    if not found.files:
        say(f"{folder}: nothing is missing")
        return
    say(f"{folder}: wrote {', '.join(sorted(found.files))}")
    shown = f"./{folder}" if not folder.is_absolute() and folder != Path() else str(folder)
    next_step.tell(lambda: f"lmd try {shown}, and lmd apply {shown}")


def _write_sample(folder: Path, name: str) -> None:
    from localmodel.disk import user_file

    new = {file: content for file, content in samples.files(name).items() if not (folder / file).exists()}
    for file, content in new.items():
        user_file.write(folder / file, content)
    say(f"{folder}: wrote {', '.join(sorted(new))}" if new else f"{folder}: nothing is missing")
    say(f"{folder / 'README.md'} says what comes next")
