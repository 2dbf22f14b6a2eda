"""lmd export kubernetes, kserve and compose: the deployment's image, and the files that run it elsewhere."""

import functools
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localmodel.cli.project_options import deployment_options
from localmodel.cli.store.versions import insecure_option
from localmodel.cli.terminal.output import ConsoleProgress, say
from localmodel.cli.tools.new_folder import require_new

if TYPE_CHECKING:
    from localmodel.targets.target import Target
    from localmodel.ways_out.pack import Made
    from localmodel.ways_out.packed import Packed, Written

_ARCHIVE = "image.tar"


@dataclass(frozen=True)
class _Where:
    """Where the files go, and the image: to the place `reference` in a registry, or stays on this machine."""

    place: Path
    reference: str | None
    insecure: bool


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """Call the command with `target`, `name`, and `where`."""
    folder = f"NAME-{command.__name__}"

    @functools.wraps(command)
    def wrapper(
        target: "Target", name: str, place: Path | None, reference: str | None, insecure: bool, overwrite: bool
    ) -> None:
        place = place or Path(folder.replace("NAME", name))
        require_new(place, overwrite)
        if reference:
            from localmodel.oci.registry import Repository

            Repository(reference, insecure)  # a wrong one is refused before the image is made
        command(target, name, _Where(place, reference, insecure))

    for option in (
        click.option("--overwrite", is_flag=True, help="Write into a folder that is there already."),
        insecure_option,
        click.option(
            "--push", "reference", metavar="HOST/REPOSITORY:TAG", help="Send the image to this place in a registry."
        ),
        click.option(
            "--output-dir",
            "place",
            type=click.Path(file_okay=False, path_type=Path),
            help=f"Folder to write. Default: {folder} in the current folder.",
        ),
    ):
        wrapper = option(wrapper)
    return deployment_options(wrapper)


@click.command()
@_options
def kubernetes(target: "Target", name: str, where: _Where) -> None:
    """Write the deployment NAME as manifests that need no operator.

    They are a Deployment, a Service, a PodDisruptionBudget and a NetworkPolicy. The pods run the image by its digest:
    that of the file image.tar beside the manifests, or with --push of the registry. On standard output are the commands
    to type next.

    \b
    Examples:
      lmd export kubernetes churn
      lmd export kubernetes churn --output-dir deploy --push registry.example.com/team/churn:1
    """
    from localmodel.ways_out import kubernetes as written

    _for_a_cluster(target, name, where, written.write)


@click.command()
@_options
def kserve(target: "Target", name: str, where: _Where) -> None:
    """Write the deployment NAME as an InferenceService of KServe.

    KServe runs the same container as lmd export kubernetes, and its clients call it by the protocols V1 and V2. On
    standard output are the commands to type next.

    \b
    Examples:
      lmd export kserve churn --push registry.example.com/team/churn:1
    """
    from localmodel.ways_out import kserve as written

    _for_a_cluster(target, name, where, written.write)


@click.command()
@_options
def compose(target: "Target", name: str, where: _Where) -> None:
    """Write the deployment NAME as a compose.yaml, for docker compose.

    The image is loaded into this machine's Docker engine, or with --push sent to a registry. On standard output is the
    command to type next.

    \b
    Examples:
      lmd export compose churn
      lmd export compose churn --output-dir deploy --push registry.example.com/team/churn:1
    """
    from localmodel.ways_out import compose as written
    from localmodel.ways_out import pack

    manifests = target.manifests(name)
    if not where.reference:
        pack.require_engine()
    made = pack.make(manifests, ConsoleProgress())
    packed = _pushed(made, where) or pack.load_here(made, ConsoleProgress())
    _write(where.place, written.write(packed))
    say(f"docker compose --file {_quoted(where.place / 'compose.yaml')} up --detach --wait")


COMMANDS = (kubernetes, kserve, compose)


def _for_a_cluster(target: "Target", name: str, where: _Where, write: "Callable[[Packed], Written]") -> None:
    from localmodel import target_table
    from localmodel.ways_out import pack

    made = pack.make(target.manifests(name), ConsoleProgress())
    packed = _pushed(made, where)
    if packed is None:
        file = where.place / _ARCHIVE
        pack.save(made, file, ConsoleProgress())
        say(f"kind load image-archive {_quoted(file)}")
    _write(where.place, write(packed or made.packed))
    if target_table.on_cluster(target.name):
        ConsoleProgress().note(
            f"the operator has objects called {name} in the deployment's namespace: apply these to another one, or "
            f"delete the deployment before"
        )
    say(f"kubectl apply -f {_quoted(where.place)}")


def _pushed(made: "Made", where: _Where) -> "Packed | None":
    """What to write if the image goes to a registry."""
    from localmodel.ways_out import pack

    return pack.push(made, where.reference, where.insecure, ConsoleProgress()) if where.reference else None


def _write(place: Path, written: "Written") -> None:
    from localmodel.disk import user_file

    for path, content in written.files.items():
        user_file.write(place / path, content)
    for note in written.notes:
        ConsoleProgress().note(note)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
