"""Where the records of a shared store come from, and where changes of them go."""

from pathlib import Path
from typing import Any, Protocol

from localmodel.oci.layout import Meter


class Origin(Protocol):
    """A shared store. `kind` is the folder of one kind of records; `store/shared` implements it.

    Raises (every method):
        UserError: RegistryUnreachable, RegistryRefused, SharedStoreInvalid.
    """

    @property
    def folder(self) -> Path:
        """The folder of the records as they were seen last, which has the form of a store's own."""
        ...

    def look(self) -> None:
        """Bring the folder up to date."""
        ...

    def add(self, kind: str, version: Any) -> Any:
        """Send a version whose content is in the layout; return it with its number, which is at least the given one."""
        ...

    def change(self, kind: str, version: Any) -> None:
        """Send the changed record of a version."""
        ...

    def set_aliases(self, kind: str, name: str, content: bytes) -> None:
        """Send the file with the aliases of a name."""
        ...

    def remove(self, kind: str, name: str, number: int) -> None:
        """Let a version be deleted for all."""
        ...

    def fetch(self, version: Any, progress: Meter | None = None) -> None:
        """Fetch what the version contains into the layout, as far as it is not there."""
        ...
