"""What a PATH is: a manifest, a folder with a kustomization or with a script, a script, or a model."""

import contextlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from localmodel import mlflow_models, reasons
from localmodel.disk import home
from localmodel.errors import UserError
from localmodel.project import definition
from localmodel.resource import schema
from localmodel.store import Store
from localmodel_untrusted.files import UnreadableError, decoded, read_file

Kind = Literal["manifest", "kustomization", "folder", "script", "model"]

SCRIPT = "score.py"
SETTINGS = "lmd.toml"
KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_TEXTS = (".yaml", ".yml", ".json", ".txt")
# What an online deployment's or endpoint's YAML of v2 begins with, or cannot do without.
_AZURE = re.compile(r"^(\$schema: *\S*azureml\S*|endpoint_name:)", re.MULTILINE)


class PathError(UserError):
    """The PATH, or an option beside it, is not one of what can be served."""


@dataclass(frozen=True)
class Place:
    """A PATH that was given, and what it is. `entry` is the entry script of a script or a folder, in `root`.

    Of a model, the path may be an address in MLflow, or what the store has it under: `name`, `name:3`, `name@alias`.
    """

    kind: Kind
    path: Path
    entry: str = ""

    @property
    def root(self) -> Path:
        """The folder that everything beside it is looked for in."""
        return self.path if self.kind in ("folder", "kustomization") else self.path.parent

    @property
    def is_manifest(self) -> bool:
        """Whether it says itself what is to be served, in a resource of Kubernetes."""
        return self.kind in ("manifest", "kustomization")

    @property
    def has_settings(self) -> bool:
        """Whether a lmd.toml may say more of it."""
        return self.kind in ("folder", "script")


def has_kustomization(folder: Path) -> str:
    """The name of the folder's kustomization, or ""."""
    return next((name for name in KUSTOMIZATIONS if (folder / name).is_file()), "")


def find(path: Path, entry: str | None = None) -> Place:
    """What the path is. `entry` is the entry script that an option names.

    A folder with a `lmd.toml` is its script's, also with a kustomization beside it.

    Raises:
        PathError: SourceMissing: there is nothing; EntryScriptMissing; InvalidManifest: neither script nor manifest.
    """
    if not path.exists() and names_model(str(path)):
        return Place("model", path)
    if not path.exists():
        raise PathError(reasons.SOURCE_MISSING, f"{path}: no such file or folder")
    if path.is_dir():
        return _folder(path, entry)
    if path.suffix == ".py":
        return Place("script", path, path.name)
    if _is_model(path):
        return Place("model", path)
    _refuse_others(path)
    return Place("manifest", path)


def _folder(folder: Path, entry: str | None) -> Place:
    kustomization = has_kustomization(folder)
    if kustomization and not (folder / SETTINGS).is_file():
        if entry:
            raise PathError(
                reasons.ENTRY_SCRIPT_INVALID,
                f"--entry-script: {folder} has a {kustomization}, which says what the script is",
            )
        return Place("kustomization", folder)
    if not entry and not any((folder / name).is_file() for name in (SCRIPT, SETTINGS)) and _is_model(folder):
        return Place("model", folder)
    return Place("folder", folder, entry or SCRIPT)


def model_name(text: str) -> str:
    """What a model is called that is given by its path, its address in MLflow, or its name in the store."""
    if mlflow_models.is_address(text):
        return mlflow_models.model_name(text)
    return definition.model_name(Path(text)) if Path(text).exists() else re.split("[:@]", text)[0]


def names_model(text: str) -> bool:
    """Whether it is a model's address in MLflow, or its name in the store, with a version or an alias behind it."""
    if mlflow_models.is_address(text):
        return True
    with contextlib.suppress(UserError):
        return bool(Store(home.store()).models.versions(re.split("[:@]", text)[0]))
    return False


def _is_model(path: Path) -> bool:
    from localmodel import no_code  # few need it

    return no_code.is_model(path)


def require_script(place: Place) -> None:
    """
    Raises:
        PathError: EntryScriptMissing.
    """
    if place.kind != "folder" or (place.path / place.entry).is_file():
        return
    scripts = (*sorted(place.path.glob("*.py")), *sorted(place.path.glob("[!.]*/*.py")))
    there = ", ".join(str(file.relative_to(place.path)) for file in scripts[:10]) or "none"
    model = next((file for file in sorted(place.path.glob("[!.]*")) if _is_model(file)), None)
    alone = f", or serve the model alone: lmd apply {shlex.quote(str(model))}" if model else ""
    raise PathError(
        reasons.ENTRY_SCRIPT_MISSING,
        f"{place.path} has no {place.entry} and no kustomization.yaml; name the script with --entry-script "
        f"(its Python files: {there}), or let lmd init {shlex.quote(str(place.path))} write one{alone}",
    )


def is_azure_file(path: Path) -> bool:
    """Whether the file describes a deployment of Azure ML.

    Raises:
        UnreadableError: it is not text.
    """
    text = decoded(read_file(path) or b"").removeprefix("\ufeff")
    return bool(_AZURE.search(text)) and schema.API_VERSION not in text


def _refuse_others(path: Path) -> None:
    """Say what to do with a file that is neither a script nor a manifest of ours.

    Raises:
        PathError: InvalidManifest: a file of Azure ML, or what is not text (a model, most likely).
    """
    if not path.is_file():  # a pipe can be read once only
        return
    try:
        is_azure = is_azure_file(path)
    except UnreadableError:
        if path.suffix not in _TEXTS:
            raise PathError(
                reasons.INVALID_MANIFEST,
                f"{path} is not a manifest; a model is deployed with the script that loads it: "
                f"lmd apply FOLDER --model {shlex.quote(str(path))}",
            ) from None
        return
    if is_azure:
        raise PathError(
            reasons.INVALID_MANIFEST,
            f"{path} is a file of Azure ML: lmd import azureml {shlex.quote(str(path))} makes a deployment of it",
        )
