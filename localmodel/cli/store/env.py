"""lmd env: the store's environments."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localmodel.cli import completion
from localmodel.cli.deployment import next_step
from localmodel.cli.group import Group
from localmodel.cli.store import versions
from localmodel.cli.store.env_prune import prune
from localmodel.cli.store.versions import insecure_option, name_option
from localmodel.cli.terminal import human, table
from localmodel.cli.terminal.output import ConsoleProgress, output_option, print_table, print_value, say
from localmodel.disk import home
from localmodel.errors import UserError
from localmodel.store import EnvironmentVersion, Store

if TYPE_CHECKING:
    from localmodel.environments.formats.definition import Definition

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
environment_argument = click.argument("environment", metavar="ENV", shell_complete=completion.environments)


@click.group(cls=Group)
def env() -> None:
    """Define, build and share environments.

    An environment is a Python with packages, locked with their hashes.
    ENV is NAME (its latest version) or NAME:VERSION. Where packages come from is said in packages.toml
    (docs/packages.md).
    """


@env.command()
@click.argument("name")
@click.option("--conda", type=_FILE, metavar="FILE", help="A conda file. Packages come from the Python package index.")
@click.option("--requirements", type=_FILE, metavar="FILE", help="A requirements file, as pip has it.")
@click.option("--dockerfile", type=_FILE, metavar="FILE", help="A Dockerfile that makes the image underneath.")
@click.option("--image", metavar="REF", help="The image underneath, by reference. Default: that of the Python.")
@click.option("--python", metavar="X.Y", help="Version of Python. Default: as the files have it, or lmd's own.")
@click.option("--variable", "variables", multiple=True, metavar="KEY=VALUE", help="A variable. Repeatable.")
@output_option
def create(
    name: str,
    conda: Path | None,
    requirements: Path | None,
    dockerfile: Path | None,
    image: str | None,
    python: str | None,
    variables: Sequence[str],
    output: str,
) -> None:
    """Keep an environment as the next version of NAME, or name the latest again if it is the very same.

    Packages are those of a conda file or a requirements file; the image underneath may be your own. What that image
    has itself is seen, too.

    \b
    Examples:
      lmd env create churn-env --requirements requirements.txt
      lmd env create churn-env --conda environment.yml
    """
    from localmodel.environments.formats import files
    from localmodel.project.given import own_python

    if conda and requirements:
        raise click.UsageError("give one of --conda and --requirements")
    if dockerfile and image:
        raise click.UsageError("give one of --dockerfile and --image")
    if not (conda or requirements or dockerfile or image):
        raise click.UsageError("give --conda, --requirements, --dockerfile or --image")
    definition = files.define(conda or requirements, dockerfile, image, python, own_python())
    _register(name, definition, versions.pairs(variables), output)


@env.command("list")
@click.argument("name", required=False, shell_complete=completion.environments)
@click.option("--latest", is_flag=True, help="Only the latest version of each environment.")
@output_option
def list_environments(name: str | None, latest: bool, output: str) -> None:
    """List the versions of every environment, or of one.

    \b
    Examples:
      lmd env list
      lmd env list churn-env --latest
    """
    environments = _store().environments.list(name, latest)
    if output != "text":
        print_value([versions.value(version) for version in environments], output)
        return
    columns = ["NAME", "VERSION", "PYTHON", "CREATED", "IMAGE", "REQUIREMENTS"]
    rows = [_row(version) for version in environments]
    empty = "no environments; lmd env create NAME --requirements FILE keeps one"
    print_table(columns, rows, empty, spare=["IMAGE", "CREATED"])


env.add_command(prune)


@env.command()
@environment_argument
@output_option
def show(environment: str, output: str) -> None:
    """Say what an environment is, and what its requirements are locked to on this machine.

    \b
    Examples:
      lmd env show churn-env
      lmd env show churn-env:2 -o json
    """
    from localmodel.environments import here
    from localmodel.requirements import hashes

    version = _store().environments.find(environment)
    lock = here.lock(version, note=ConsoleProgress().note)
    if output != "text":
        print_value({**versions.value(version), "lock": lock.text}, output)
        return
    spec = version.spec
    lines = {
        "name": f"{version.name}:{version.version}",
        "python": spec.python,
        "image": _image(version) or f"{spec.base} (default)",
        "variables": " ".join(f"{key}={value}" for key, value in version.variables.items()),
        "created": version.created,
        "digest": version.digest,
    }
    for key, value in lines.items():
        if value:
            say(f"{key + ':':<12}{value}")
    say("requirements:")
    for requirement in spec.requirements:
        say(f"  {requirement}")
    say(f"locked, {lock.counted}:")
    for package in hashes.packages(lock.text):
        say(f"  {package.splitlines()[0].rstrip(' ' + chr(92))}")
    if spec.dockerfile is not None:
        say(f"Dockerfile:\n{spec.dockerfile.rstrip()}")


@env.command()
@environment_argument
@click.option("--docker", is_flag=True, help="As an image in the Docker engine, with the scoring server.")
def build(environment: str, docker: bool) -> None:
    """Install an environment here, and print the path of its Python, or the image's name.

    What is there already is used again. What the installer says is kept below build-logs in lmd's folder.

    \b
    Examples:
      lmd env build churn-env
      lmd env build churn-env --docker
    """
    from localmodel.engine import build_here
    from localmodel.environments import here

    version = _store().environments.find(environment)
    make = build_here.image if docker else here.interpreter
    say(make(version, ConsoleProgress(), lambda line: say(f"  {line}", err=True)))


@env.command()
@environment_argument
@click.argument("path", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def save(environment: str, path: Path, overwrite: bool) -> None:
    """Write an environment into the folder DIR, as files to be edited: those of Azure ML's SDK, and our lock.

    \b
    Examples:
      lmd env save churn-env ./churn-env
      lmd env save churn-env:2 ./churn-env --overwrite
    """
    from localmodel.environments import folder

    folder.save(_store().environments.find(environment), path, overwrite, ConsoleProgress().note)
    say(path)


@env.command()
@click.argument("path", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@name_option
@output_option
def load(path: Path, name: str | None, output: str) -> None:
    """Take in an environment that lmd env save, or Azure ML's SDK, has written into the folder DIR.

    It becomes the next version of its name, unless that is this already.

    \b
    Examples:
      lmd env load ./churn-env
      lmd env load ./churn-env --name other-env
    """
    from localmodel.environments import folder

    definition = folder.load(path)
    _register(name or definition.name or path.resolve().name, definition, {}, output)


@env.command()
@environment_argument
@click.argument("name")
@output_option
def clone(environment: str, name: str, output: str) -> None:
    """Keep the same environment as the next version of NAME.

    \b
    Examples:
      lmd env clone churn-env other-env
      lmd env clone churn-env:2 other-env
    """
    store = _store()
    version = store.environments.find(environment)
    versions.tell(store.environments.register(name, version.spec, version.variables), output)


@env.command()
@click.argument("environment", metavar="NAME:VERSION", shell_complete=completion.environments)
def delete(environment: str) -> None:
    """Remove a version that no deployment uses. Its number is never used again.

    What is installed of it stays until lmd env prune.

    \b
    Examples:
      lmd env delete churn-env:2
      lmd env prune --dry-run
    """
    name, number = versions.numbered(environment)
    _store().environments.delete(name, number)
    say(f"deleted {environment}")


@env.command()
@environment_argument
@click.argument("reference", metavar="HOST/REPOSITORY:TAG")
@insecure_option
def push(environment: str, reference: str, insecure: bool) -> None:
    """Send a version's definition to an OCI registry.

    \b
    Examples:
      lmd env push churn-env localhost:5000/environments/churn:1
      lmd env push churn-env:2 localhost:5000/environments/churn:2
    """
    versions.push(_store().environments.find(environment), reference, insecure)


@env.command()
@click.argument("reference", metavar="HOST/REPOSITORY:TAG")
@name_option
@insecure_option
@output_option
def pull(reference: str, name: str | None, insecure: bool, output: str) -> None:
    """Fetch a version from an OCI registry, as the next of its name unless it is here already.

    \b
    Examples:
      lmd env pull localhost:5000/environments/churn:1
      lmd env pull localhost:5000/environments/churn:1 --name other-env
    """
    versions.tell(versions.pull(reference, name, EnvironmentVersion, insecure), output)


@env.command("export")
@click.argument("environments", metavar="ENV...", nargs=-1, required=True, shell_complete=completion.environments)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
def export(environments: Sequence[str], path: Path) -> None:
    """Write versions into one FILE, for a machine that no registry reaches.

    \b
    Examples:
      lmd env export churn-env churn-env.tar
      lmd env export churn-env other-env environments.tar
    """
    store = _store()
    versions.write_file(path, [store.environments.find(environment) for environment in environments])


@env.command("import")
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@name_option
@output_option
def import_(path: Path, name: str | None, output: str) -> None:
    """Take in the versions of a FILE, each as the next of its name unless it is here already.

    \b
    Examples:
      lmd env import churn-env.tar
      lmd env import churn-env.tar --name other-env
    """
    versions.tell_all(versions.read_file(path, name, EnvironmentVersion), output)


def _store() -> Store:
    return Store(home.store())


def _register(name: str, definition: "Definition", variables: dict[str, str], output: str) -> None:
    store = _store()
    for note in definition.notes:
        say(note, err=True)
    try:
        before = store.environments.versions(name)
    except UserError:
        before = []
    version = store.environments.register(name, definition.spec, {**definition.variables, **variables})
    if version.version in before:
        say(f"{version.name}:{version.version} is this already", err=True)
    versions.tell(version, output)
    if output == "text":
        next_step.tell(lambda: f"lmd apply FOLDER --env {version.name}:{version.version}")


def _image(version: EnvironmentVersion) -> str:
    return "Dockerfile" if version.spec.dockerfile is not None else version.spec.base_image or ""


def _row(version: EnvironmentVersion) -> list[str]:
    wanted = table.cut(" ".join(version.spec.requirements), 60)
    created = human.ago(version.created)
    return [version.name, str(version.version), version.spec.python, created, _image(version), wanted]
