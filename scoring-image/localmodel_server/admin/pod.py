"""A server that an operator controls: what it serves at its start, and the port for the operator's calls."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp

from localmodel_server.admin.errors import refusal
from localmodel_server.admin.folder import AcceptedRevision, StateFolder, StateLostError, models_of_image
from localmodel_server.admin.revisions import Compose, Revisions
from localmodel_server.admin.routes import AdminApplication
from localmodel_server.admin.settings import AdminSettings
from localmodel_server.admin.start import Choice, WantedRevision, choose, read_wanted
from localmodel_server.admin.swaps import Order, Swaps, in_thread
from localmodel_server.configuration.settings import APP_ROOT, SettingsError
from localmodel_server.life.beside import Beside
from localmodel_server.life.loader import Loader
from localmodel_server.life.revision import Revision
from localmodel_server.log import logger
from localmodel_server.state import ServerState
from localmodel_untrusted.files import UnreadableError


class Pod:
    """A server that the operator may call; raises SettingsError when its state folder cannot be used."""

    def __init__(self, settings: AdminSettings, compose: Compose) -> None:
        self.settings = settings
        image_root = Path(os.environ.get("AML_APP_ROOT", APP_ROOT))
        models = models_of_image(os.environ.get("LOCALMODEL_MODEL", ""), image_root)
        self._folder = StateFolder(settings.state_folder, models)
        try:
            self._folder.open()
        except OSError as error:
            raise SettingsError(f"LOCALMODEL_STATE_FOLDER: {settings.state_folder}: {error.strerror}") from error
        image = AcceptedRevision(settings.epoch, os.environ.get("LOCALMODEL_REVISION", ""), settings.content)
        self.revisions = Revisions(settings, self._folder, image, compose)
        self.ignored: str | None = None  # why the wanted folder's decision is not obeyed
        self._wanted = self._read_wanted()
        self._newest = max(image.epoch, self._wanted.epoch if self._wanted else 0)
        self._choice = self._choose(image)

    def attach(self, state: ServerState, loader: Loader, beside: Beside, close_idle: Callable[[], int]) -> None:
        """Connect it to the server; call this first."""
        self._state = state
        self._loader = loader
        self._close_idle = close_idle
        self.swaps = Swaps(state, loader, beside, self.revisions, self._choice.serves, self._newest)

    def application(self) -> ASGIApp:
        """The application of the admin port."""
        return AdminApplication(
            self.settings, self._state, self._loader, self.revisions, self.swaps, self.ignored, self._close_idle
        )

    def wanted(self) -> Revision:
        """The revision that serves, or is being loaded.

        Raises:
            RefusedError
            SettingsError
            OSError
        """
        choice = self._choice
        gated = choice.gated and self._wanted is not None and self.swaps.serves == choice.serves
        text = self._wanted.gate if self._wanted is not None and gated else ""
        return self.revisions.wanted(self.swaps.serves, text)

    async def start(self) -> bool:
        """Load what is to serve; False when a revision that should serve cannot.

        A pod that is behind or on hold stays unready and waits for the operator.
        """
        choice = self._choice
        if choice.hold:
            self.swaps.hold()
        if choice.source in ("image", "held"):
            return await self._loader.load()
        self._state.behind = f"behind: {choice.reason}"
        if choice.source == "bundle" and self._wanted is not None:
            await self._catch_up(choice, self._wanted.bundle)
        else:
            logger.error("%s", self._state.behind)
        return True

    async def _catch_up(self, choice: Choice, bundle: bytes) -> None:
        """Prepare and commit the revision in the wanted folder, as the operator would."""
        called = f"revision {choice.serves.revision} (epoch {choice.serves.epoch})"
        self._state.behind = f"behind: {called} is loading"
        order = Order(choice.serves.epoch, choice.serves.content)
        try:
            copy = self._folder.incoming / "bundle.tar"  # what is taken in is deleted afterwards
            await in_thread(lambda: copy.write_bytes(bundle))
            await self.swaps.prepare(order, copy)
            await self.swaps.commit(order)
        except Exception as error:
            self._state.behind = f"behind: {called}: {refusal(error)}"
            logger.error("%s", self._state.behind)

    def _choose(self, image: AcceptedRevision) -> Choice:
        lost, accepted = "", None
        try:
            accepted = self._folder.accepted()
        except StateLostError as error:
            lost = str(error)
        return choose(image, self.settings.environment, accepted, self._wanted, self._folder.contents, lost)

    def _read_wanted(self) -> WantedRevision | None:
        """Read the decision in the wanted folder; one without a valid signature is ignored."""
        folder = self.settings.wanted_folder
        try:
            return read_wanted(folder, self.settings.key, self.settings.owner)
        except UnreadableError as error:
            self.ignored = f"the decision in {folder} is ignored: {error}"
            logger.error("%s", self.ignored)
            return None
