"""Writes a revision to disk, laid out as in a scoring image: the code, the models below it, the gate beside them."""

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from localmodel.disk import executable, files, home
from localmodel.oci import layers
from localmodel.resource import gate
from localmodel.store import ModelVersion, Store
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.runner import BuiltEnvironment
from localmodel.updates import revision

_MOST_BYTES = 1 << 20  # of a file that is looked at


def write(folder: Path, name: str, number: int, desired: Desired, environment: BuiltEnvironment) -> dict[str, str]:
    """Fill the folder with the code and models; return the variables that make a server serve them.

    `name` is the deployment's name.
    """
    shutil.rmtree(folder, ignore_errors=True)
    app = folder / "app"
    for path, content in desired.files.items():
        executable.write(app / path, content)
    _link_models(app / revision.MODELS_FOLDER, desired.models)
    proof = {}
    if desired.gate:
        (folder / gate.FILE).write_bytes(gate.text(desired.gate))
        proof["LOCALMODEL_GATE"] = str(folder / gate.FILE)
    return {
        **environment.variables,
        **desired.variables,
        **desired.spec.server.variables(),
        "LOCALMODEL_PYTHON": environment.python,
        "LOCALMODEL_REVISION": str(number),
        "LOCALMODEL_CONTENT": desired.revision.content,
        **proof,
        "LOCALMODEL_MODEL_NAME": name,
        "LOCALMODEL_MODEL": revision.models_text(desired.models),
        "AML_APP_ROOT": str(app),
        "AZUREML_ENTRY_SCRIPT": desired.spec.entry_script,
        "AZUREML_MODEL_DIR": revision.model_dir(str(app), desired.models),
    }


def restore(folder: Path) -> None:
    """Unpack again what the revision in the folder links to, if somebody has removed it."""
    for link in (folder / "app" / revision.MODELS_FOLDER).rglob("*"):
        if link.is_symlink() and not link.exists():
            unpacked(f"sha256:{link.readlink().name}")


def code(folder: Path, names: Collection[str]) -> dict[str, bytes]:
    """The first MB of each file of the code in the folder, by path; without `names`, of all that is there."""
    app = folder / "app"
    files_there = [path for path in app.rglob("*") if path.is_file() and not path.is_symlink()]
    paths = {path.relative_to(app).as_posix(): path for path in files_there}
    made = {}
    for name, path in paths.items():
        if name in names or (not names and not name.startswith(f"{revision.MODELS_FOLDER}/")):
            with path.open("rb") as file:
                made[name] = file.read(_MOST_BYTES)
    return made


def models_folder() -> Path:
    """The folder with unpacked models, which revisions link to."""
    return home.home() / "models"


def _link_models(root: Path, models: Iterable[ModelVersion]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for model in models:
        link = root / model.inside
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(unpacked(model.weights.digest))


def unpacked(digest: str) -> Path:
    """The folder with the files of these weights, unpacked once for all deployments."""

    def unpack(folder: Path) -> None:
        layers.extract(Store(home.store()).layout.path(digest), folder)
        for file in folder.rglob("*"):
            if file.is_file():
                # Read-only, because deployments share it.
                file.chmod(0o555 if executable.is_executable(file) else 0o444)

    return files.made_once(models_folder() / digest.removeprefix("sha256:"), unpack)
