"""What a folder's name and the files in it say where nothing else does."""

import re
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.project import definition
from localmodel.project.place import PathError, Place
from localmodel.project.settings import Settings

REQUEST = "request.json"
GATE = "gate.yaml"
ENVIRONMENTS = ("requirements.txt", "conda.yml", "conda.yaml", "environment.yml", "conda_dependencies.yml")
_LONGEST_NAME = 48  # metadata.name


def environment(wanted: Settings, folder: Path) -> str | Path | tuple[str, ...] | None:
    """The environment that the settings name, or else the file that describes one, if there is one."""
    if wanted.environment is not None:
        return wanted.environment
    return next((folder / name for name in ENVIRONMENTS if (folder / name).is_file()), None)


def deployment_name(place: Place) -> str:
    """A deployment's name from that of the folder, or of the script.

    Raises:
        PathError: DeploymentNameInvalid.
    """
    whole = place.path.resolve()
    own = whole.name if place.kind == "folder" else whole.stem
    name = re.sub(r"[^a-z0-9]+", "-", own.lower()).strip("-")[:_LONGEST_NAME].strip("-")
    try:
        definition.check_name(name)
    except UserError:
        offer = re.sub(r"[^a-z0-9]+", "-", f"m-{name}")[:_LONGEST_NAME].strip("-") if name else "NAME"
        raise PathError(
            reasons.DEPLOYMENT_NAME_INVALID,
            f"{own!r} is not a valid deployment name: it starts with a letter; give one, such as --name {offer}",
        ) from None
    return name
