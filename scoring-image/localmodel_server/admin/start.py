"""What a pod serves when its container starts: the image's revision, the one accepted last, or the one wanted."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from localmodel_server.admin.folder import AcceptedRevision
from localmodel_server.admin.signature import DECISION, is_signed
from localmodel_server.checked_json import Fields
from localmodel_untrusted.files import UnreadableError, read_file

_WANTED = "wanted.json"
_SIGNATURE = "wanted.sig"
_BUNDLE = "bundle.tar"
_GATE = "gate.json"


class WantedRevision(NamedTuple):
    """wanted.json: the deployment's last decision, whether every pod has been told to serve it, and what goes with it.

    gate is the text of gate.json and bundle the tar; either is empty where there is none. hold: pods of the decision's
    template load it, and stay unready until the operator commits it in each.
    """

    epoch: int
    revision: str
    content: str
    environment: str
    committed: bool
    gate: str = ""
    bundle: bytes = b""
    hold: bool = False


class Choice(NamedTuple):
    """What to serve; source is where it comes from.

    ======  ==================================================================
    image   the image's own code; proved by the gate first when gated
    held    the state folder's revisions/
    bundle  the wanted folder's bundle.tar, which has to be taken in first
    behind  nothing can be served: why not is in reason
    ======  ==================================================================

    hold: it is loaded, and serves when the operator says so.
    """

    source: str
    serves: AcceptedRevision
    gated: bool = False
    reason: str = ""
    hold: bool = False


def choose(
    image: AcceptedRevision,
    environment: str,
    accepted: AcceptedRevision | None,
    wanted: WantedRevision | None,
    held: Collection[str],
    lost: str = "",
) -> Choice:
    """Choose the image's, the accepted or the wanted revision; `lost` says why the accepted one is unknown.

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
        if wanted is None or own is not image or (wanted.epoch, wanted.content) != (own.epoch, own.content):
            return Choice("image", own)
        was_told = accepted is not None and accepted == own
        return Choice("image", own, gated=not wanted.committed, hold=wanted.hold and not was_told)
    if own.content in held:
        return Choice("held", own)
    if wanted is not None and wanted.bundle and (wanted.content, wanted.environment) == (own.content, environment):
        return Choice("bundle", own)
    return Choice("behind", own, reason=f"the files of revision {own.revision}, which was accepted, are missing")


def _catch_up(image: AcceptedRevision, environment: str, wanted: WantedRevision, held: Collection[str]) -> Choice:
    serves = AcceptedRevision(wanted.epoch, wanted.revision, wanted.content)
    if wanted.content == image.content:
        return Choice("image", serves)
    if wanted.content in held:
        return Choice("held", serves)
    if not wanted.bundle:
        why = "and its bundle is missing"
    elif wanted.environment != environment:
        why = "which needs another environment"
    else:
        return Choice("bundle", serves)
    return Choice("behind", serves, reason=f"revision {wanted.revision} (epoch {wanted.epoch}) serves elsewhere, {why}")


def read_wanted(folder: Path | None, key: bytes, owner: str) -> WantedRevision | None:
    """Read the decision in the mounted ConfigMap, if the operator with this public key has signed it for this owner.

    None without one.

    Raises:
        UnreadableError: it says anything else. Whoever may write ConfigMaps can write anything there.
    """
    if folder is None:
        return None
    try:
        return _read(folder, key, owner)
    except UnreadableError:
        # The kubelet puts a new version in the place of the files at once, which may be while they are read.
        return _read(folder, key, owner)


def _read(folder: Path, key: bytes, owner: str) -> WantedRevision | None:
    content = read_file(folder / _WANTED)
    if content is None:
        return None
    if not is_signed(key, _decoded(read_file(folder / _SIGNATURE) or b""), content, DECISION):
        raise UnreadableError("it is not signed with the operator's key (LOCALMODEL_ADMIN_KEY)")
    fields = Fields(content)
    if fields.text("owner") != owner:
        raise UnreadableError(f"it is for {fields.text('owner')}, but this pod belongs to {owner} (LOCALMODEL_OWNER)")
    gate, bundle = read_file(folder / _GATE) or b"", read_file(folder / _BUNDLE) or b""
    for name, beside in (("gate", gate), ("bundle", bundle)):
        if _digest(beside) != fields.text(name):
            raise UnreadableError(f"the {name} beside it is not the signed one")
    return WantedRevision(
        fields.whole_number("epoch"),
        str(fields.whole_number("revision")),
        fields.text("content"),
        fields.text("environment"),
        fields.truth("committed"),
        gate.decode("utf-8", "replace"),
        bundle,
        fields.has("hold") and fields.truth("hold"),  # older operators write none
    )


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}" if content else ""


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
