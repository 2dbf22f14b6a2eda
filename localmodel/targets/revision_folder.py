"""A revision on disk, laid out as in a scoring image: code, and the models below it."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from localmodel import files, home, layers, revision
from localmodel.store import ModelVersion, Store
from localmodel.targets.resolve import Desired


def write(folder: Path, name: str, number: int, desired: Desired) -> dict[str, str]:
    """Fill the folder with the revision's code and models; returns the variables that make a server serve it.

    name is the deployment's.
    """
    shutil.rmtree(folder, ignore_errors=True)
    app = folder / "app"
    for path, content in desired.files.items():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        (app / path).write_bytes(content)
    _link_models(app / revision.MODELS_FOLDER, desired.models)
    return {
        # Programs that the environment's packages bring are found, and the server's own PYTHONPATH is not passed on.
        "PATH": os.pathsep.join([str(desired.python.parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": "",
        **desired.variables,
        **desired.spec.server.variables(),
        "LOCALMODEL_PYTHON": str(desired.python),
        "LOCALMODEL_REVISION": str(number),
        "LOCALMODEL_MODEL_NAME": name,
        "LOCALMODEL_MODEL": revision.models_text(desired.models),
        "AML_APP_ROOT": str(app),
        "AZUREML_ENTRY_SCRIPT": desired.spec.entry_script,
        "AZUREML_MODEL_DIR": revision.model_dir(str(app), desired.models),
    }


def _link_models(root: Path, models: Iterable[ModelVersion]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for model in models:
        link = root / model.inside
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(_extracted(model))


def _extracted(model: ModelVersion) -> Path:
    """The model's files, unpacked once for every deployment that uses them."""

    def unpack(folder: Path) -> None:
        layers.extract(Store(home.store()).layout.path(model.weights.digest), folder)
        for file in folder.rglob("*"):
            if file.is_file():
                file.chmod(0o444)  # shared: a script that writes into its model must not change another's

    return files.made_once(home.home() / "models" / model.weights.digest.removeprefix("sha256:"), unpack)
