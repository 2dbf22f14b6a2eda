"""lmd export: deployments as files for other tools."""

import shlex
from pathlib import Path

import click

from localmodel import target_table
from localmodel.azureml_files import collect
from localmodel.azureml_files.exported import Exportable
from localmodel.azureml_files.v1 import write as v1_write
from localmodel.azureml_files.v2 import write as v2_write
from localmodel.cli.group import Group
from localmodel.cli.project_options import deployment_options
from localmodel.cli.target_option import target_options
from localmodel.cli.terminal.output import ConsoleProgress, output_option, print_value, say
from localmodel.cli.tools import export_gitops, export_image, export_triton
from localmodel.cli.tools.new_folder import require_new
from localmodel.disk import home, user_file
from localmodel.environments import stored
from localmodel.project import before
from localmodel.project.folder import kustomized
from localmodel.resource import manifest, spec
from localmodel.store import Store
from localmodel.targets.target import Target


@click.group(cls=Group)
def export() -> None:
    """Write a deployment as files for another tool."""


for command in (*export_image.COMMANDS, *export_gitops.COMMANDS, export_triton.triton):
    export.add_command(command)


@export.command()
@click.argument("arguments", metavar="[NAME] DIR", nargs=-1)
@click.option("-f", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with a manifest.")
@click.option(
    "-k",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with a kustomization.yaml.",
)
@click.option(
    "--kind",
    type=click.Choice(["managed", "kubernetes", "v1"]),
    default="managed",
    show_default=True,
    help="Online deployment of v2, of either kind, or the configurations of v1 for --ic and --dc.",
)
@click.option(
    "--models",
    type=click.Choice(["files", "references"]),
    default="files",
    show_default=True,
    help="Write the models' files too, or refer to models that are registered in Azure ML under the same names.",
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that is there already.")
@output_option
@target_options
def azureml(
    target: Target,
    arguments: tuple[str, ...],
    file: Path | None,
    folder: Path | None,
    kind: str,
    models: str,
    overwrite: bool,
    output: str,
) -> None:
    """Write Azure ML's files for a manifest, or for the deployment NAME, into the folder DIR.

    What Azure ML's files cannot say, or what is left to fill in, is said on standard error; on standard output are the
    commands to type next, where Azure ML's command line is.

    \b
    Examples:
      lmd export azureml churn ./azure
      lmd export azureml -f churn.yaml ./azure
    """
    path = file or folder
    if (file and folder) or len(arguments) != (1 if path else 2):
        raise click.UsageError("give DIR, and one of -f FILE, -k FOLDER and NAME")
    place = Path(arguments[-1])
    require_new(place, overwrite)
    manifests = manifest.read(path) if path else target.manifests(arguments[0])
    store = Store(home.store())
    deployment = collect.collect(manifests, store, with_models=models == "files")
    exported = v1_write.write(deployment) if kind == "v1" else v2_write.write(deployment, kind)
    for name, content in exported.files.items():
        user_file.write(place / name, content)
    collect.write_models(deployment, store, place)
    progress = ConsoleProgress()
    for note in exported.notes:
        progress.note(note)
    commands = _commands(deployment, kind, place)
    if output == "text":
        say("\n".join(commands))
    else:
        print_value({"folder": str(place), "notes": list(exported.notes), "commands": commands}, output)


def _commands(deployment: Exportable, kind: str, place: Path) -> list[str]:
    """The commands to type next."""
    if kind != "v1":
        return [
            f"az ml online-endpoint create -f {_quoted(place / 'endpoint.yml')}",
            f"az ml online-deployment create -f {_quoted(place / 'deployment.yml')} --all-traffic",
        ]
    register = [
        f"az ml model register -n {model.name} -p {_quoted(place / model.path)}"
        for model in deployment.models
        if model.path
    ]
    named = "".join(f" -m {model.name}:{model.version}" for model in deployment.models)
    configurations = f"--ic {_quoted(place / 'inferenceconfig.json')} --dc {_quoted(place / 'deploymentconfig.json')}"
    return [*register, f"az ml model deploy -n {deployment.name}{named} {configurations}"]


@export.command("manifest")
@click.option(
    "--output-dir",
    "place",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write. Default: NAME-manifest in the current folder.",
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that is there already.")
@deployment_options
def manifest_(target: Target, name: str, place: Path | None, overwrite: bool) -> None:
    """Write the deployment NAME as a manifest with its kustomization.

    NAME may be the PATH that it was applied from. kubectl apply -k and lmd apply -k serve the same from the folder.
    Models stay in the store; so does code that a ConfigMap cannot hold: folders, executable and binary files.

    \b
    Examples:
      lmd export manifest churn --output-dir manifests/churn
    """
    place = place or Path(f"{name}-manifest")
    require_new(place, overwrite)
    manifests = target.manifests(name)
    written, maps = kustomized.plain(manifests.deployment), {**manifests.config_maps}
    if code := spec.parse(manifests.deployment["spec"]).source.code:
        written, content = kustomized.with_files(written, stored.code(code, Store(home.store())))
        if content:
            maps[f"{name}-code"] = content
        else:
            ConsoleProgress().note(
                f"the code stays in the store, as {code.name}:{code.version}: no ConfigMap can hold it"
            )
    for file, content_ in kustomized.contents(written, maps).items():
        user_file.write(place / file, content_)
    apply = f"lmd apply -k {_quoted(place)}{_where(target, name)}"
    say(f"{place}: written; {apply} and kubectl apply -k {_quoted(place)} make it serve")


def _where(target: Target, name: str) -> str:
    """The options with which the manifest takes the place of the deployment that it was made of."""
    other = f" --target {target.name}" if target.name != target_table.DEFAULT else ""
    is_of_folder = not target_table.on_cluster(target.name) and before.look(target, name).origin
    return f"{other} --replace" if is_of_folder else other


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
