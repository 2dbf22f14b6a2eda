"""lmd apply: make a manifest, or a script with its models, serve."""

from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from localmodel import reasons
from localmodel.cli import completion, folder_words
from localmodel.cli.deployment import applied_before, next_step, script_folder
from localmodel.cli.output import ConsoleProgress, output_option, print_value, say
from localmodel.cli.target_option import target_options
from localmodel.errors import UserError
from localmodel.targets import ports
from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.target import DeploymentStatus, Target

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
# Options for a script; a manifest has fields for them.
_OF_SCRIPTS = {
    "entry_script": "--entry-script",
    "models": "--model",
    "env": "--env",
    "requirements": "--requirements",
    "conda": "--conda",
    "name": "--name",
    "port": "--port",
    "variables": "--variable",
}


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("-f", "file", type=_A_FILE, help="File with the manifest.")
@click.option(
    "-k",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with a kustomization.yaml.",
)
@click.option("--entry-script", metavar="FILE", help="The script's path in the folder PATH. Default: score.py.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    shell_complete=completion.models,
    help="NAME, NAME:VERSION, NAME@ALIAS, or a path, which is registered. Repeatable.",
)
@click.option(
    "--env",
    metavar="NAME[:VERSION]",
    shell_complete=completion.environments,
    help="The script's environment, as it is registered.",
)
@click.option("--requirements", type=_A_FILE, help="File with pip's requirements. Default: the one beside the script.")
@click.option("--conda", type=_A_FILE, help="File of a conda environment. Default: the one beside the script.")
@click.option("--name", help="Name of the deployment. Default: the folder's.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    help="Where it answers on this machine. Default: where it does already, or else 6789 or the next free one.",
)
@click.option(
    "--variable",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set for the script. Repeatable.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds to wait until it serves. Default: the manifest's spec.update.progressDeadlineSeconds, or 300.",
)
@output_option
@target_options
def apply(
    target: Target,
    path: Path | None,
    file: Path | None,
    folder: Path | None,
    timeout: float | None,
    output: str,
    **options: Any,
) -> None:
    """Serve what a manifest or a script describes, and wait for it.

    PATH is a manifest, a folder with a kustomization.yaml, or a folder with a script; the options say what the
    script is deployed with. PATH may also be a script: its source is then the modules of its folder, and not every
    file. Applied again from the same folder, what the options do not name stays as it was.

    What serves already goes on serving until the new revision answers. When the new one fails, the command says why,
    the old one stays, and the exit code is 1.

    The newest command wins: one that still waits for its revision to load gives way to it, and ends with exit code 3.

    \b
    Examples:
      lmd apply ./churn --model churn/model.pkl
      lmd apply -k manifests/churn --target kind
    """
    paths = [argument for argument in (path, file, folder) if argument is not None]
    if len(paths) != 1:
        raise click.UsageError("give one of PATH, -f FILE and -k FOLDER")
    script_folder.refuse_others(paths[0])
    if path is not None and script_folder.may_be_script(path) and options["entry_script"] is None:
        before = applied_before.look(target, options["name"] or script_folder.deployment_name(path))
        if before.is_from(path) and (path / before.entry).is_file():
            options["entry_script"] = before.entry
            if before.entry != script_folder.SCRIPT:
                ConsoleProgress().note(f"kept from before: --entry-script {before.entry}")
    if path is not None and script_folder.is_script(path, options["entry_script"]):
        with folder_words.errors_in_words():
            deployments = [_deploy(target, path, timeout, **options)]
    else:
        unfit = ", ".join(option for name, option in _OF_SCRIPTS.items() if options[name])
        if unfit:
            raise click.UsageError(f"{unfit}: only with a script; {paths[0]} is a manifest, which says it itself")
        deployments = target.apply(paths[0], timeout, ConsoleProgress())
    if output != "text":
        print_value([asdict(deployment) for deployment in deployments], output)
        return
    for deployment in deployments:
        say(sentence(deployment))
        if deployment.serving is not None:
            next_step.tell(next_step.invoke(deployment, target.name, paths[0]))


def sentence(deployment: DeploymentStatus) -> str:
    """What serves now, and where."""
    if deployment.serving is None:
        return f"{deployment.name}: not serving: {deployment.message}"
    return f"{deployment.name}: revision {deployment.serving} serves at {deployment.url}"


def _deploy(
    target: Target,
    path: Path,
    timeout: float | None,
    *,
    entry_script: str | None,
    models: tuple[str, ...],
    env: str | None,
    requirements: Path | None,
    conda: Path | None,
    name: str | None,
    port: int | None,
    variables: tuple[str, ...],
) -> DeploymentStatus:
    from localmodel.sdk.client import Client  # a manifest does not need it, and it takes time to import

    client, progress = Client._of(target), folder_words.FolderProgress(ConsoleProgress())
    name = name or script_folder.deployment_name(path)
    script, source = script_folder.place(path, entry_script)
    environment = script_folder.environment(path, env, requirements, conda)
    own = script_folder.variables(variables)
    if port is not None:
        _require_free(target, name, port)
    before = applied_before.look(target, name)
    common: dict[str, Any] = {"source_directory": source, "timeout": timeout, "progress": progress}
    if before.is_from(path):
        kept = before.kept(models, bool(env or requirements or conda), own, port)
        if kept.options:
            progress.note(f"kept from before: {'; '.join(kept.options)}")
        client.get(name).update(
            script=script,
            models=models or kept.models,
            environment=kept.environment or environment,
            variables={**before.variables, **own},
            port=port,
            **common,
        )
    else:
        if before.manifest:
            progress.note(f"{name} was applied from {before.origin or 'a manifest'} before: only its port is kept")
        port = port or before.port
        client.deploy(name, script, models=models, environment=environment, variables=own, port=port, **common)
    return target.get(name)


def _require_free(target: Target, name: str, port: int) -> None:
    """Check that the port that the user named can be had, because no other one takes its place.

    Raises:
        UserError: PortTaken.
    """
    if not isinstance(target, LocalTarget) or ports.is_free(port):
        return
    owner = next((deployment.name for deployment in target.deployments() if urlsplit(deployment.url).port == port), "")
    if owner != name:
        holder = f"the deployment {owner!r}" if owner else ports.holder(port)
        raise UserError(reasons.PORT_TAKEN, f"--port {port} is held by {holder}; name another one")
