"""What is kept of a revision, whatever target it was made for, and how a process of this machine tries it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localmodel import reasons, run_coroutine
from localmodel.advice import Known
from localmodel.disk import executable, home
from localmodel.environments import install_news
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import venv
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.trial.prepare import Trial, machine
from localmodel.updates import revision


@dataclass(frozen=True)
class KeptModel:
    """A version of a model: its number, its digest, and the folder that has its files."""

    version: str
    digest: str
    folder: Path


@dataclass(frozen=True)
class Kept:
    """The content of a revision.

    Attributes:
        deployment: the name of the deployment.
        number: the revision's.
        python: the version of Python.
        lock: the packages.
        entry: the path of the entry script in the code.
        code: the source folder, path -> content.
        models: by name.
        settings: the variables of the user and of `spec.server`.
        others: digests of what a process of this machine does not have: the base image and the server.
        known: what is known for advice.
    """

    deployment: str
    number: int
    python: str
    lock: Lock
    entry: str
    code: Mapping[str, bytes]
    models: Mapping[str, KeptModel]
    settings: Mapping[str, str]
    others: Mapping[str, str]
    known: Known = Known()  # noqa: RUF009 - it is frozen


def interpreter(kept: Kept, progress: Progress) -> Path:
    """The interpreter of its environment, which is installed on this machine if it is not there."""
    key = venv.key(kept.lock, kept.python)
    listen = install_news.listener(kept.lock.counted, progress)
    folder, log = home.home() / "environments", home.build_log(key)
    return run_coroutine.run(venv.build(kept.lock, kept.python, folder, log, listen, progress.note))


def trial(kept: Kept, folder: Path, progress: Progress) -> Trial:
    """Its worker, for which code and models are laid out in the folder; it must be kept as long as the trial.

    Raises:
        UserError: the errors of `venv.build()`.
    """
    python, app = interpreter(kept, progress), folder / "app"
    for path, content in kept.code.items():
        executable.write(app / path, content)
    root = app / revision.MODELS_FOLDER
    root.mkdir(parents=True, exist_ok=True)
    for name, model in kept.models.items():
        (root / name).mkdir()
        (root / name / model.version).symlink_to(model.folder)
    inside = [root / name / model.version for name, model in kept.models.items()]
    variables = {
        **machine(),
        "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": "",
        **kept.settings,
        "LOCALMODEL_PYTHON": str(python),
        "LOCALMODEL_REVISION": str(kept.number),
        "LOCALMODEL_MODEL_NAME": kept.deployment,
        "LOCALMODEL_MODEL": ",".join(f"{name}:{model.version}@{model.digest}" for name, model in kept.models.items()),
        "AML_APP_ROOT": str(app),
        "AZUREML_ENTRY_SCRIPT": kept.entry,
        "AZUREML_MODEL_DIR": str(inside[0] if len(inside) == 1 else root),
    }
    return Trial(python, variables, kept.known)


def not_here(name: str, number: int, what: str) -> UserError:
    """That this machine lacks a part of the revision."""
    return UserError(reasons.REVISION_NOT_HERE, f"{name}: revision {number} cannot be tried on this machine: {what}")
