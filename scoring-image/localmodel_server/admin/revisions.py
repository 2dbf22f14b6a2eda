"""The revisions that this pod can serve: from its image, from the state folder, or from a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Optional

from localmodel_server import gate
from localmodel_server.admin.bundle import BundleDescription
from localmodel_server.admin.errors import RefusedError
from localmodel_server.admin.folder import MODELS_BELOW_APP, AcceptedRevision, StateFolder
from localmodel_server.admin.settings import NAMES, AdminSettings
from localmodel_server.life.revision import Revision

# Makes the complete variables from those that differ from the container's; None removes one.
Compose = Callable[[Mapping[str, Optional[str]]], Mapping[str, str]]


class Revisions:
    """Builds revisions; `image` is the one that the pod's template names."""

    def __init__(self, settings: AdminSettings, folder: StateFolder, image: AcceptedRevision, compose: Compose) -> None:
        self.folder = folder
        self.image = image
        self._settings = settings
        self._compose = compose

    def take_in(self, epoch: int, content: str, bundle: Path | None) -> tuple[AcceptedRevision, Revision]:
        """The revision that a call of /prepare asks for, with its gate; without a bundle the pod must hold it.

        Reads and writes files.

        Raises:
            RefusedError
            BadBundleError
            CodeMissingError
            ModelMissingError
            SettingsError
            OSError
        """
        if bundle is None:
            revision, text = self._own(content)
        else:
            has_code = content == self.image.content or self.folder.description(content) is not None
            description, text = self.folder.take_in(bundle, content, self._settings.max_bundle_bytes, has_code)
            bundle.unlink()  # its room may be needed while init() runs
            self._check(description)
            revision = description.revision
        accepted = AcceptedRevision(epoch, revision, content)
        return accepted, self.wanted(accepted, text)

    def wanted(self, accepted: AcceptedRevision, gate_text: str = "") -> Revision:
        """A revision that the pod holds, with the requests of a gate.json if there is one.

        Raises:
            RefusedError: the pod does not have it.
            SettingsError
        """
        changes = dict.fromkeys(NAMES)
        return Revision(
            self._compose({**self._variables(accepted), **changes}), gate.read(gate_text) if gate_text else ()
        )

    def _variables(self, accepted: AcceptedRevision) -> dict[str, str | None]:
        own = {"LOCALMODEL_REVISION": accepted.revision, "LOCALMODEL_CONTENT": accepted.content}
        if accepted.content == self.image.content:
            return {**own}
        description = self._described(accepted.content)
        app = self.folder.app(accepted.content)
        # A pod's variables win over those of its image, which are these.
        return {
            "AML_APP_ROOT": str(app),
            "AZUREML_ENTRY_SCRIPT": description.entry,
            "AZUREML_MODEL_DIR": _model_dir(app, description),
            "LOCALMODEL_MODEL": ",".join(f"{name}:{version}@{digest}" for name, version, digest in description.models),
            **description.variables,
            **own,
        }

    def _own(self, content: str) -> tuple[str, str]:
        if content == self.image.content:
            return self.image.revision, ""
        return self._described(content).revision, self.folder.gate(content)

    def _described(self, content: str) -> BundleDescription:
        description = self.folder.description(content)
        if description is None:
            raise RefusedError(409, "NotHeld", f"this pod does not have {content}")
        return description

    def _check(self, description: BundleDescription) -> None:
        if description.environment != self._settings.environment:
            text = f"the bundle is for the environment {description.environment!r}, not {self._settings.environment!r}"
            raise RefusedError(409, "OtherEnvironment", text)


def _model_dir(app: Path, description: BundleDescription) -> str:
    models = app / MODELS_BELOW_APP
    if len(description.models) != 1:
        return str(models)
    return str(models / description.models[0].name / description.models[0].version)
