"""lmd init: the files that a folder lacks to be deployed."""

import shlex
from pathlib import Path

import click

from localmodel.cli.deployment import next_step
from localmodel.cli.terminal.output import ConsoleProgress, Failure, say
from localmodel.errors import UserError
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
    from localmodel import no_code
    from localmodel.disk import user_file
    from localmodel.project import definition
    from localmodel.project.folder import beside
    from localmodel.project.folder.scaffold import scaffold
    from localmodel.project.place import SCRIPT, Place

    if not path.exists() and (path.suffix == ".py" or no_code.is_model_name(path)):
        raise click.UsageError(f"{path}: no such file")
    folder = path.parent if path.is_file() else path
    model = path.name if path.is_file() and path.suffix != ".py" and no_code.is_model(path) else None
    if path.is_file() and path.suffix != ".py" and model is None:
        raise click.UsageError(f"{path} is neither a folder nor a model of a kind that is known; name its folder")
    if name is None:
        name = beside.deployment_name(Place("folder", folder))
    definition.check_name(name)
    made = scaffold(folder, name, model)
    for file, content in made.files.items():
        user_file.write(folder / file, content)
    progress = ConsoleProgress()
    if path.suffix == ".py" and path.name != SCRIPT:
        progress.note(_about(path))
    for note in made.notes:
        progress.note(note)
    if not made.files:
        say(f"{folder}: nothing is missing")
        return
    say(f"{folder}: wrote {', '.join(sorted(made.files))}")
    shown = f"./{folder}" if not folder.is_absolute() and folder != Path() else str(folder)
    next_step.tell(lambda: f"lmd try {shlex.quote(shown)}, and lmd apply {shlex.quote(shown)}")


def _about(script: Path) -> str:
    """What to do with a Python file that is not called as an entry script is."""
    from localmodel import entry_script
    from localmodel.project.place import SCRIPT

    try:
        entry_script.check({script.name: script.read_bytes()}, script.name)
    except UserError:
        return (
            f"{script} has no init() and run(), and stays as it is; if it trains a model: lmd run "
            f"{shlex.quote(str(script))} runs it, and lmd init MODEL, with the file that it saves, fits {SCRIPT} to it"
        )
    folder = shlex.quote(str(script.parent))
    return f"{script} can serve as it is: lmd apply {folder} --entry-script {shlex.quote(script.name)}"


def _write_sample(folder: Path, name: str) -> None:
    from localmodel.disk import user_file

    sample = samples.files(name)
    new = {file: content for file, content in sample.items() if not (folder / file).exists()}
    for other in samples.names():
        theirs = samples.files(other) if other != name else {}
        mixed = [file for file in theirs if file in sample and _has(folder / file, theirs[file], sample[file])]
        if new and mixed:
            raise Failure(f"{folder} has {', '.join(mixed)} of the sample {other}: name another folder")
    for file, content in new.items():
        user_file.write(folder / file, content)
    say(f"{folder}: wrote {', '.join(sorted(new))}" if new else f"{folder}: nothing is missing")
    say(f"{folder / 'README.md'} says what comes next")


def _has(path: Path, content: bytes, other: bytes) -> bool:
    return content != other and path.is_file() and path.read_bytes() == content
