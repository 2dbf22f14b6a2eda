"""What a pod serves when its container starts: the image's revision, the one accepted last, or the one wanted."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from localmodel_server.admin.folder import Accepted

_WANTED = "wanted.json"
_BUNDLE = "bundle.tar"
_GATE = "gate.json"


class WantedRevision(NamedTuple):
    """wanted.json: the deployment's last decision, whether every pod has been told to serve it, and its bundle."""

    epoch: int
    revision: str
    content: str
    environment: str
    committed: bool
    has_bundle: bool = False


class Choice(NamedTuple):
    """What to serve; source is where it comes from.

    ======  ==================================================================
    image   the image's own code; proved by the gate first when gated
    held    the state folder's revisions/
    bundle  the wanted folder's bundle.tar, which has to be taken in first
    behind  nothing can be served: why not is in reason
    ======  ==================================================================
    """

    source: str
    serves: Accepted
    gated: bool = False
    reason: str = ""


def choose(
    image: Accepted,
    environment: str,
    accepted: Accepted | None,
    wanted: WantedRevision | None,
    held: Collection[str],
    lost: str = "",
) -> Choice:
    """Choose among the image, what was accepted, and what is wanted; lost says why accepted cannot be told.

    image is what the pod's template names, environment its environment's key, held the contents in the state folder.
    A pod never goes back to an older epoch, and never answers when a newer one has been committed elsewhere that it
    cannot serve.
    """
    own = image if accepted is None or accepted.epoch <= image.epoch else accepted
    if lost:
        return Choice("behind", own, reason=lost)
    if wanted is not None and wanted.committed and wanted.epoch > own.epoch:
        return _catch_up(image, environment, wanted, held)
    if own.content == image.content:
        same = (
            wanted is not None and not wanted.committed and (wanted.epoch, wanted.content) == (own.epoch, own.content)
        )
        return Choice("image", own, gated=same and own is image)
    if own.content in held:
        return Choice("held", own)
    if wanted is not None and wanted.has_bundle and (wanted.content, wanted.environment) == (own.content, environment):
        return Choice("bundle", own)
    return Choice("behind", own, reason=f"the files of revision {own.revision}, which was accepted, are not there")


def _catch_up(image: Accepted, environment: str, wanted: WantedRevision, held: Collection[str]) -> Choice:
    serves = Accepted(wanted.epoch, wanted.revision, wanted.content)
    if wanted.content == image.content:
        return Choice("image", serves)
    if wanted.content in held:
        return Choice("held", serves)
    if not wanted.has_bundle:
        why = "and its bundle has not come with the wanted one"
    elif wanted.environment != environment:
        why = "which needs another environment"
    else:
        return Choice("bundle", serves)
    return Choice("behind", serves, reason=f"revision {wanted.revision} (epoch {wanted.epoch}) serves elsewhere, {why}")


def read_wanted(folder: Path | None) -> WantedRevision | None:
    """What the mounted ConfigMap says; None without one. Raises ValueError when it cannot be understood."""
    if folder is None:
        return None
    path = folder / _WANTED
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    try:
        return WantedRevision(
            int(told["epoch"]),
            str(told["revision"]),
            str(told["content"]),
            str(told["environment"]),
            bool(told["committed"]),
            (folder / _BUNDLE).is_file(),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {type(error).__name__}: {error}") from error


def bundle_path(folder: Path) -> Path:
    """The wanted revision's bundle."""
    return folder / _BUNDLE


def read_gate(folder: Path | None) -> str:
    """The text of the wanted revision's gate; empty without one. Raises OSError."""
    path = None if folder is None else folder / _GATE
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else ""
