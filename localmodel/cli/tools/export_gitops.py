"""lmd export flux and lmd export argocd: what tells a GitOps tool to serve a folder of a repository."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from localmodel.cli.project_options import deployment_options
from localmodel.cli.terminal.output import ConsoleProgress, say

if TYPE_CHECKING:
    from localmodel.gitops import Place
    from localmodel.targets.target import Target


def _repository_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--branch", default="main", show_default=True, help="The branch that is followed."),
        click.option("--path", metavar="FOLDER", help="The manifest's folder in the repository. Default: NAME."),
        click.option("--url", required=True, help="The repository's address, as the cluster reaches it."),
    ):
        command = option(command)
    return deployment_options(command)


@click.command()
@_repository_options
def flux(target: "Target", name: str, url: str, branch: str, path: str | None) -> None:
    """Print what tells Flux to serve the deployment NAME from a Git repository.

    It is a GitRepository and a Kustomization that is ready when the address answers with what was committed. Nothing is
    written to Git: lmd export manifest writes the folder to commit.

    \b
    Examples:
      lmd export flux churn --url https://git.example/models.git
    """
    from localmodel import gitops

    place = _place(target, name, url, branch, path)
    _print(gitops.flux(place))
    _say_what_to_commit(place)


@click.command()
@_repository_options
def argocd(target: "Target", name: str, url: str, branch: str, path: str | None) -> None:
    """Print what tells Argo CD to serve the deployment NAME from a Git repository.

    It is an Application, and the health check that Argo CD needs for the kind: a part of its ConfigMap argocd-cm. Apply
    it with kubectl apply --server-side --field-manager=localmodel -f -, so that the rest of the ConfigMap
    stays. Nothing is written to Git: lmd export manifest writes the folder to commit.

    \b
    Examples:
      lmd export argocd churn --url https://git.example/models.git
    """
    from localmodel import gitops

    place = _place(target, name, url, branch, path)
    _print(gitops.argocd(place))
    _say_what_to_commit(place)


def _place(target: "Target", name: str, url: str, branch: str, path: str | None) -> "Place":
    from localmodel.gitops import Place

    namespace = target.manifests(name).deployment["metadata"].get("namespace", "default")
    return Place(name, namespace, url, branch, PurePosixPath(path or name).as_posix())


def _print(objects: Iterable[Mapping[str, Any]]) -> None:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes text of several lines as such."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    say(yaml.dump_all(objects, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=200).rstrip())


def _say_what_to_commit(place: "Place") -> None:
    command = f"lmd export manifest {place.name} --output-dir {shlex.quote(place.path)}"
    ConsoleProgress().note(f"to commit in the repository: {command}")


COMMANDS = (flux, argocd)
