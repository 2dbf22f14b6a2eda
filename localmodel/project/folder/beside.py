"""What a folder's name and the files in it say where nothing else does."""

import re
from collections.abc import Iterator
from pathlib import Path

from localmodel import reasons
from localmodel.environments import choice
from localmodel.environments.choice import Choice
from localmodel.errors import UserError
from localmodel.project import definition, given
from localmodel.project.place import PathError, Place, model_name
from localmodel.project.settings import Settings

REQUEST = "request.json"
GATE = "gate.yaml"
ENVIRONMENTS = choice.READ
_LONGEST_NAME = 48  # metadata.name


def environment(wanted: Settings, folder: Path) -> str | Path | tuple[str, ...] | None:
    """The environment that the settings name, or else the file that describes one, if there is one."""
    if wanted.environment is not None:
        return wanted.environment
    file = choose(folder).file
    return folder / file if file else None


def choose(folder: Path) -> Choice:
    """What the folder's files say of packages and Python.

    Raises:
        UserError: EnvironmentInvalid.
    """
    texts = {
        name: (folder / name).read_text("utf-8-sig", "replace") for name in choice.READ if (folder / name).is_file()
    }
    return choice.choose(texts, given.own_python())


def environment_notes(choice: Choice, environment: object, python: str) -> Iterator[str]:
    """What to say of the file with the packages, and of the Python, where the folder's files say more than that."""
    if isinstance(environment, Path):
        others = [name for name in (choice.file, *choice.left_aside) if name and name != environment.name]
        if others:
            verb = "is" if len(others) == 1 else "are"
            yield f"requirements: {environment.name} ({', '.join(others)} beside it {verb} not used)"
        if python != (choice.python or given.own_python()):
            yield f"python: {python} ({environment.name})"
            return
    if python == choice.python:
        yield f"python: {python} ({choice.python_source})"


def deployment_name(place: Place) -> str:
    """A deployment's name from that of the folder, of the script, or of the model.

    Raises:
        PathError: DeploymentNameInvalid.
    """
    if place.kind == "model" and not place.path.exists():
        own = model_name(str(place.path))
    else:
        whole = place.path.resolve()
        own = whole.name if whole.is_dir() else whole.stem
    name = re.sub(r"[^a-z0-9]+", "-", own.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    try:
        definition.check_name(name)
    except UserError:
        offer = re.sub(r"[^a-z0-9]+", "-", f"m-{name}")[:_LONGEST_NAME].strip("-") if name else "NAME"
        raise PathError(
            reasons.DEPLOYMENT_NAME_INVALID,
            f"{own!r} is not a valid deployment name, which starts with a letter; give one, such as --name {offer}",
        ) from None
    return name
