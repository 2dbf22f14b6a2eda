"""The state folder, which survives the container: bundles that were taken in, and which of them serves.

::

    incoming/                  what is being received and unpacked; emptied at each start
    models/<hex>/              models by digest
    revisions/<hex>/app/       a revision's AML_APP_ROOT by content, models as links
    revisions/<hex>/bundle.json, gate.json
    accepted.json              what serves after a restart
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from localmodel_server.admin.bundle import (
    CODE,
    DESCRIPTION,
    GATE,
    MODELS,
    MOST_WORDS,
    BadBundleError,
    BundleDescription,
    Model,
    digest_hex,
    read_description,
    unpack,
)
from localmodel_server.checked_json import Fields
from localmodel_untrusted.files import UnreadableError, read_file

# Where a revision's models are below its AML_APP_ROOT.
MODELS_BELOW_APP = "azureml-models"


class AcceptedRevision(NamedTuple):
    """A decision that was committed here: its epoch, and the number and content of the revision that serves."""

    epoch: int
    revision: str
    content: str


class StateLostError(Exception):
    """The record of what was accepted cannot be read, or the files are missing."""


class CodeMissingError(Exception):
    """A bundle has only a description, and the pod lacks the code."""


class ModelMissingError(Exception):
    """A bundle lacks models that the pod does not have."""

    def __init__(self, digests: list[str]) -> None:
        super().__init__(f"neither the bundle nor the pod has {', '.join(digests)}")
        self.digests = digests


class StateFolder:
    """image_models is where the image has models, by digest. Every method reads or writes files."""

    def __init__(self, root: Path, image_models: Mapping[str, Path]) -> None:
        self.root = root
        self._image_models = image_models

    def open(self) -> None:
        """Make the folder, and remove what an earlier process left unfinished.

        Raises:
            OSError
        """
        remove(self.incoming)
        for folder in (self.incoming, self.root / MODELS, self.root / "revisions"):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def incoming(self) -> Path:
        """For files on their way in."""
        return self.root / "incoming"

    @property
    def contents(self) -> list[str]:
        """The contents that it holds."""
        return [f"sha256:{path.name}" for path in sorted((self.root / "revisions").iterdir())]

    @property
    def models(self) -> list[str]:
        """The digests of the models that the pod has, those of the image included."""
        return sorted({*self._image_models, *(f"sha256:{path.name}" for path in (self.root / MODELS).iterdir())})

    def app(self, content: str) -> Path:
        """The AML_APP_ROOT of a revision."""
        return self._revision(content) / "app"

    def description(self, content: str) -> BundleDescription | None:
        """The description of a revision, from its bundle; None when the pod does not hold it."""
        try:
            text = read_file(self._revision(content) / DESCRIPTION, MOST_WORDS)
            return None if text is None else read_description(text)
        except (UnreadableError, BadBundleError):
            return None

    def gate(self, content: str) -> str:
        """The text of gate.json that came with a revision; empty without one."""
        return _text_of(self._revision(content) / GATE)

    def take_in(self, bundle: Path, content: str, most_bytes: int, has_code: bool) -> tuple[BundleDescription, str]:
        """Unpack a bundle of a content, and keep it; returns its description and its gate.json's text.

        has_code: the pod has the content's code, and only those two are taken. An error leaves nothing behind.

        Raises:
            BadBundleError
            CodeMissingError
            ModelMissingError
            OSError: there is no room.
        """
        incoming = Path(tempfile.mkdtemp(dir=self.incoming))
        try:
            description = unpack(bundle, incoming, most_bytes)
            if description.content != content:
                raise BadBundleError(f"{DESCRIPTION} names the content {description.content}, the call {content}")
            gate = _text_of(incoming / GATE)
            if not has_code:
                self._keep(incoming, description)
            return description, gate
        finally:
            remove(incoming)

    def accepted(self) -> AcceptedRevision | None:
        """The decision accepted last; None before the first.

        Raises:
            StateLostError
        """
        path = self.root / "accepted.json"
        try:
            content = read_file(path)
            if content is None:
                return None
            fields = Fields(content)
            accepted = AcceptedRevision(fields.whole_number("epoch"), fields.text("revision"), fields.text("content"))
            digest_hex(accepted.content)
        except (UnreadableError, BadBundleError) as error:
            raise StateLostError(f"{path} cannot be read: {error}") from error
        return accepted

    def accept(self, accepted: AcceptedRevision) -> None:
        """Make it the revision that serves after a restart; it is on the disk when this returns.

        Raises:
            OSError
        """
        path = self.root / "accepted.json"
        beside = self.incoming / path.name
        with beside.open("w", encoding="utf-8") as file:
            file.write(json.dumps(accepted._asdict()))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        folder = os.open(self.root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def set_aside(self, keep: Collection[str]) -> Path | None:
        """Move away every revision except those to keep, and the models that none of these use.

        Returns the folder that they were moved to, which remove() deletes, or None when there was nothing to move.
        """
        models: set[str] = set()
        doomed = []
        for content in self.contents:
            description = self.description(content)
            if content in keep and description is not None:
                models.update(model.digest for model in description.models)
            else:
                doomed.append(self._revision(content))
        doomed += [path for path in (self.root / MODELS).iterdir() if f"sha256:{path.name}" not in models]
        if not doomed:
            return None
        aside = Path(tempfile.mkdtemp(dir=self.incoming))
        for number, path in enumerate(doomed):
            path.chmod(0o755)
            path.rename(aside / str(number))
        return aside

    def _keep(self, incoming: Path, description: BundleDescription) -> None:
        if not (incoming / CODE).is_dir():
            raise CodeMissingError(f"neither the bundle nor this pod has the code of {description.content}")
        if not (incoming / CODE / description.entry).is_file():
            raise BadBundleError(f"{CODE}/{description.entry}, the entry script, is not in it")
        for model in description.models:
            self._keep_model(incoming / MODELS / digest_hex(model.digest))
        self._link_models(incoming / CODE / MODELS_BELOW_APP, description.models)
        revision = incoming / "revision"
        revision.mkdir()
        (incoming / CODE).rename(revision / "app")
        for name in (GATE, DESCRIPTION):
            if (incoming / name).exists():
                (incoming / name).rename(revision / name)
        target = self._revision(description.content)
        remove(target)  # one that cannot be read
        revision.rename(target)
        _protect(target / "app")

    def _keep_model(self, unpacked: Path) -> None:
        target = self.root / MODELS / unpacked.name
        if unpacked.exists() and not target.exists():
            unpacked.rename(target)
            _protect(target)

    def _link_models(self, folder: Path, models: Collection[Model]) -> None:
        folder.mkdir(exist_ok=True)
        missing = []
        for model in models:
            own = self.root / MODELS / digest_hex(model.digest)
            source = own if own.exists() else self._image_models.get(model.digest)
            if source is None:
                missing.append(model.digest)
                continue
            link = folder / model.name / model.version
            link.parent.mkdir(exist_ok=True)
            try:
                link.symlink_to(source)
            except FileExistsError:
                raise BadBundleError(
                    f"the code has files where the model {model.name}:{model.version} belongs"
                ) from None
        if missing:
            raise ModelMissingError(missing)

    def _revision(self, content: str) -> Path:
        return self.root / "revisions" / digest_hex(content)


def models_of_image(text: str, app_root: Path) -> dict[str, Path]:
    """Where an image has its models, by digest; text is its LOCALMODEL_MODEL."""
    paths = {}
    for model in filter(None, text.split(",")):
        name, _, digest = model.partition("@")
        path = app_root / MODELS_BELOW_APP / name.replace(":", "/", 1)
        if path.exists():
            paths[digest] = path
    return paths


def _text_of(path: Path) -> str:
    try:
        return (read_file(path, MOST_WORDS) or b"").decode("utf-8")
    except ValueError as error:
        raise BadBundleError(f"{path.name} cannot be read: {error}") from error


def _protect(folder: Path) -> None:
    """Make the folder read-only, as in an image, where user code cannot write beside itself."""
    for place, _, _ in os.walk(folder):
        Path(place).chmod(0o555)


def remove(path: Path) -> None:
    """Delete a folder that may be protected, if it is there."""
    for place, _, _ in os.walk(path):
        with contextlib.suppress(OSError):
            Path(place).chmod(0o755)
    shutil.rmtree(path, ignore_errors=True)
