"""Makes a manifest of what an Azure ML file asks for: looks files up, and registers what is not in the store."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import entry_script, no_code, reasons
from localmodel.azureml_files import environment
from localmodel.azureml_files.draft import At, Draft, EnvironmentDraft, ModelFile
from localmodel.azureml_files.environment import ReadEnvironment
from localmodel.azureml_files.fields import is_placeholder
from localmodel.azureml_files.references import in_store, located
from localmodel.disk.executable import Executable
from localmodel.errors import UserError
from localmodel.project import definition
from localmodel.project.folder import source
from localmodel.project.folder.source import Source
from localmodel.resource import schema
from localmodel.store import EnvironmentVersion, ModelVersion, Store

# A ConfigMap accepts names without folders, text, and in all somewhat less than 1 MiB.
_KEY = re.compile(r"[A-Za-z0-9_][-._a-zA-Z0-9]{0,252}")
_LARGEST_CONFIG_MAP = 900_000
# Names of the folder's other files, or of files that kustomize reads.
_OTHER_FILES = ("deployment.yaml", "kustomizeconfig.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True)
class Imported:
    """A manifest, and the files of its ConfigMap, or none if the code is in the store.

    `kept` names what was registered; `notes` say what has no meaning here or is worth knowing.
    """

    manifest: Mapping[str, Any]
    config_map: str
    files: Mapping[str, bytes]
    kept: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _NewModel:
    path: Path
    asked: ModelFile


def gather(
    draft: Draft, folder: Path, store: Store, name: str | None, models: Sequence[str], *, code_in_store: bool = False
) -> Imported:
    """Make the manifest. `folder` is the file's; `name` and `models` (NAME:VERSION or a path) replace the file's own.

    The code goes into a ConfigMap where one can hold it, unless `code_in_store`.
    Nothing is registered before everything was found.

    Raises:
        UserError: something is missing or does not fit; the message has the place in the file.
    """
    wanted = _resource_name(draft, name)
    if draft.entry_script is None:
        return _without_script(draft, folder, store, wanted, models)
    root, entry, code = _code(draft, draft.entry_script, folder)
    files = code.files
    asked = _environment(draft, root, folder, store, files)
    chosen = [_given_model(text, store) for text in models] or _own_models(draft, folder, store)
    as_files = not code_in_store and _fits_a_config_map(files)
    from_map: dict[str, Any] = {"configMap": {"name": f"{wanted}-score"}}
    variables, notes = (asked.variables, asked.notes) if isinstance(asked, ReadEnvironment) else ({}, ())
    manifest = _manifest(draft, wanted, variables)
    manifest["spec"]["scoring"] = {"entryScript": entry, "source": from_map}
    schema.validate(manifest)
    kept: list[str] = []
    if not as_files:
        version = store.code.register(wanted, files, entry)
        kept.append(f"code {version.name}:{version.version}")
        manifest["spec"]["scoring"]["source"] = {"code": {"name": version.name, "version": version.version}}
    _add(manifest, chosen, asked, store, kept)
    notes = (*draft.notes, *code.notes, *notes)
    return Imported(manifest, f"{wanted}-score", files if as_files else {}, tuple(kept), notes)


def _without_script(draft: Draft, folder: Path, store: Store, name: str, models: Sequence[str]) -> Imported:
    """The manifest of a model alone, whose script is generated from it, and its environment where none is named."""
    asked = None
    if draft.environment != EnvironmentDraft():
        asked = _environment(draft, folder, folder, store, {})
    chosen = [_given_model(text, store) for text in models] or _own_models(draft, folder, store)
    for model in chosen:
        if isinstance(model, _NewModel):
            try:
                no_code.scoring(model.path, name)
            except UserError as error:
                raise located(error, model.asked.path.where) from None
    variables, notes = (asked.variables, asked.notes) if isinstance(asked, ReadEnvironment) else ({}, ())
    manifest, kept = _manifest(draft, name, variables), list[str]()
    del manifest["spec"]["scoring"], manifest["spec"]["environment"]
    _add(manifest, chosen, asked, store, kept)
    return Imported(manifest, "", {}, tuple(kept), (*draft.notes, *notes))


def _add(
    manifest: dict[str, Any],
    models: Sequence[ModelVersion | _NewModel],
    environment: EnvironmentVersion | ReadEnvironment | None,
    store: Store,
    kept: list[str],
) -> None:
    """Put models and environment into the manifest, registered where they are not in the store yet."""
    name = manifest["metadata"]["name"]
    versions = []
    for model in models:
        if isinstance(model, _NewModel):
            own = name if len(models) == 1 else f"{name}-{definition.model_name(model.path)}"
            versions.append(_register(model, own, store, kept))
        else:
            versions.append(model)
    manifest["spec"]["models"] = [{"name": model.name, "version": model.version} for model in versions]
    if environment is not None:
        manifest["spec"]["environment"] = _environment_fields(environment, name, store, kept)
    schema.validate(manifest)


def _manifest(draft: Draft, name: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """The part of the manifest that needs nothing from the store, with the fields of `spec` in a readable order."""
    labels = {"labels": dict(draft.labels)} if draft.labels else {}
    return {
        "apiVersion": schema.API_VERSION,
        "kind": schema.KIND,
        "metadata": {"name": name, **labels},
        "spec": {"models": [], "scoring": {}, "environment": {}, **draft.spec, **_env(draft, variables)},
    }


def _env(draft: Draft, brought: Mapping[str, str]) -> dict[str, Any]:
    """`spec.env`: the deployment's variables, and the environment's unless the deployment sets them."""
    own = list(draft.spec.get("env", []))
    names = {variable["name"] for variable in own}
    env = [*({"name": name, "value": value} for name, value in brought.items() if name not in names), *own]
    return {"env": env} if env else {}


def _resource_name(draft: Draft, name: str | None) -> str:
    if name:
        return name
    if draft.name is None:
        raise UserError(reasons.NAME_MISSING, "the file does not name the deployment: give it a name with --name")
    if is_placeholder(draft.name.text):
        raise UserError(
            reasons.NAME_MISSING,
            f"{draft.name.where}: {draft.name.text} has a placeholder: write a name, or give --name",
        )
    wanted = draft.name.text.lower()
    try:
        definition.check_name(wanted)
    except UserError as error:
        raise located(UserError(error.reason, f"{error}; --name gives another one"), draft.name.where) from None
    return wanted


def _code(draft: Draft, script: At, folder: Path) -> tuple[Path, str, Source]:
    """The source folder, the entry script's path in it, and its content."""
    code = draft.code
    root = folder / code.text if code else folder
    if code and not root.is_dir():
        raise UserError(reasons.ENTRY_SCRIPT_MISSING, f"{code.where}: {root}: no such folder")
    try:
        place, entry = source.locate(script.text if code else root / script.text, root if code else None)
        content = source.read(place, entry)
        entry_script.check(content.files, entry)
    except UserError as error:
        raise located(error, script.where) from None
    return root, entry, content


def _fits_a_config_map(files: Mapping[str, bytes]) -> bool:
    return (
        sum(map(len, files.values())) <= _LARGEST_CONFIG_MAP
        and all(_KEY.fullmatch(name) and name not in _OTHER_FILES for name in files)
        and all(_is_text(content) and not isinstance(content, Executable) for content in files.values())
    )


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _given_model(text: str, store: Store) -> ModelVersion | _NewModel:
    path = Path(text)
    if path.exists() or "/" in text:
        return _new_model(path, ModelFile(At(text, "--model")))
    try:
        return store.models.find(text.removeprefix("azureml:"))
    except UserError as error:
        raise located(error, f"--model {text}") from None


def _own_models(draft: Draft, folder: Path, store: Store) -> list[ModelVersion | _NewModel]:
    model = draft.model
    if model is None:
        return []
    if isinstance(model, ModelFile):
        return [_new_model(folder / model.path.text, model)]
    reference = in_store(model, "model")
    try:
        return [store.models.find(reference)]
    except UserError as error:
        raise located(error, model.where) from None


def _new_model(path: Path, asked: ModelFile) -> _NewModel:
    if not path.exists():
        raise UserError(reasons.MODEL_FILE_MISSING, f"{asked.path.where}: {path}: no such file or folder")
    return _NewModel(path, asked)


def _register(model: _NewModel, own_name: str, store: Store, kept: list[str]) -> ModelVersion:
    asked = model.asked
    try:
        version = store.models.register(
            asked.name or own_name, model.path, tags=asked.tags, description=asked.description
        )
    except UserError as error:
        raise located(error, asked.path.where) from None
    kept.append(f"model {version.name}:{version.version} ({model.path})")
    return version


def _environment(
    draft: Draft, root: Path, folder: Path, store: Store, files: Mapping[str, bytes]
) -> EnvironmentVersion | ReadEnvironment:
    asked = draft.environment
    if asked.reference is None:
        return environment.find(asked, root if asked.in_code else folder, files)
    reference = in_store(asked.reference, "environment")
    try:
        return store.environments.find(reference)
    except UserError as error:
        raise located(error, asked.reference.where) from None


def _environment_fields(
    environment: EnvironmentVersion | ReadEnvironment, name: str, store: Store, kept: list[str]
) -> dict[str, Any]:
    """`spec.environment`. An environment with a Dockerfile is registered, because a manifest has no field for it."""
    if isinstance(environment, ReadEnvironment) and environment.spec.dockerfile is None:
        image = {"baseImage": environment.spec.base_image} if environment.spec.base_image else {}
        return {"python": environment.spec.python, "requirements": list(environment.spec.requirements), **image}
    if isinstance(environment, ReadEnvironment):
        environment = store.environments.register(name, environment.spec)
        kept.append(f"environment {environment.name}:{environment.version}")
    return {"ref": {"name": environment.name, "version": environment.version}}
