"""The workspace, which stands for the store and the deployments of this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from localmodel.azure.exceptions import UserErrorException, refuse
from localmodel.disk import home
from localmodel.store import Store
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError, read_file

if TYPE_CHECKING:
    from localmodel.azure.core.environment import Environment
    from localmodel.azure.core.model import Model
    from localmodel.azure.core.webservice import Webservice

_KEYS = ("subscription_id", "resource_group", "workspace_name")
_PLACES = (".azureml/config.json", "aml_config/config.json", "config.json")
_NO_ACCOUNT = "Leave it out: nothing here needs an account."
_ONE = "Leave it out: there is one workspace, the store in LOCALMODEL_HOME."


class Workspace:
    """The workspace. Its names are only for scripts that print them; the store is always the same."""

    def __init__(
        self, subscription_id: str = "", resource_group: str = "", workspace_name: str = "local", auth: object = None
    ) -> None:
        refuse("Workspace", auth=(auth, _NO_ACCOUNT))
        self.subscription_id = subscription_id
        self.resource_group = resource_group
        self.name = workspace_name
        self.location = "local"
        self.store = Store(home.store())

    @staticmethod
    def from_config(path: str | Path | None = None, auth: object = None) -> "Workspace":
        """The workspace, with the names in Azure's config.json if there is one.

        The file is searched in this folder and those above it, and in each below .azureml and aml_config. `path` is the
        file, or the folder to start from.

        Raises:
            UserErrorException: `path` was given, and there is no such file in or above it.
        """
        refuse("Workspace.from_config", auth=(auth, _NO_ACCOUNT))
        start = Path(path or ".").absolute()
        for file in [start] if start.is_file() else _candidates(start):
            names = _names(file)
            if names:
                return Workspace(*names)
        if path is not None:
            raise UserErrorException(
                f"Workspace.from_config: no config.json with {', '.join(_KEYS)} at {path} or above it; "
                "without a path the store is used as it is"
            )
        return Workspace()

    @staticmethod
    def get(
        name: str,
        auth: object = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        location: str | None = None,
        cloud: str = "AzureCloud",
        id: str | None = None,  # noqa: A002 - as in the original
    ) -> "Workspace":
        """The workspace with these names."""
        refuse(
            "Workspace.get",
            auth=(auth, _NO_ACCOUNT),
            location=(location, _ONE),
            cloud=(None if cloud == "AzureCloud" else cloud, _ONE),
            id=(id, _ONE),
        )
        return Workspace(subscription_id or "", resource_group or "", name)

    @property
    def models(self) -> dict[str, "Model"]:
        """The latest version of each model, by name."""
        from localmodel.azure.core.model import Model

        return {model.name: model for model in Model.list(self, latest=True)}

    @property
    def environments(self) -> dict[str, "Environment"]:
        """The latest version of each environment, by name."""
        from localmodel.azure.core.environment import Environment

        return Environment.list(self)

    @property
    def webservices(self) -> dict[str, "Webservice"]:
        """The deployments, by name."""
        from localmodel.azure.core.webservice import Webservice

        return {service.name: service for service in Webservice.list(self)}

    def get_details(self) -> dict[str, Any]:
        """The names, and the path of the store."""
        return {
            "name": self.name,
            "subscription_id": self.subscription_id,
            "resource_group": self.resource_group,
            "location": self.location,
            "store": str(self.store.root),
        }

    def __repr__(self) -> str:
        return f"Workspace(name={self.name!r}, store={str(self.store.root)!r})"


def _candidates(start: Path) -> list[Path]:
    files = [folder / place for folder in (start, *start.parents) for place in _PLACES]
    return [file for file in files if file.is_file()]


def _names(file: Path) -> tuple[str, ...] | None:
    """The three names, or None for a config.json of another program."""
    try:
        content = json_text.parse(read_file(file) or b"")
    except UnreadableError:
        return None
    if not isinstance(content, dict) or not all(isinstance(content.get(key), str) for key in _KEYS):
        return None
    return tuple(content[key] for key in _KEYS)
