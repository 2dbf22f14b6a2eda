"""The gate of a folder: a file with requests, or requests in its lmd.toml."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.project import place
from localmodel.project.folder import beside
from localmodel.resource import gate
from localmodel_untrusted.files import UnreadableError, read_file


def read(wanted: Path | Sequence[Mapping[str, Any]] | None, folder: Path) -> Sequence[Mapping[str, Any]]:
    """The requests as a manifest has them; none where there is no such file, and nothing names another.

    Raises:
        UserError: GateMissing, GateInvalid.
    """
    if wanted is not None and not isinstance(wanted, Path):
        return gate.of_values(wanted, f"{folder / place.SETTINGS}: gate") if wanted else ()
    file = wanted or folder / beside.GATE
    try:
        content = read_file(file)
    except UnreadableError as error:
        raise UserError(reasons.GATE_INVALID, f"{file}: cannot be read: {error}") from None
    if content is not None:
        return gate.of_file(content, str(file))
    if wanted is not None:
        raise UserError(reasons.GATE_MISSING, f"{file}: no such file; lmd.toml names it as the gate")
    return ()
