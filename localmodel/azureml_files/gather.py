"""From what an Azure ML file asks for to a manifest of ours: looks files up, and registers what is not in the store."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import definition, entry_script, schema
from localmodel.azureml_files import environment
from localmodel.azureml_files.draft import At, Draft, ModelFile
from localmodel.azureml_files.references import in_store, located
from localmodel.errors import UserError
from localmodel.store import EnvironmentVersion, ModelVersion, Store

# What a ConfigMap takes: names without folders, text, and in all somewhat less than 1 MiB.
_KEY = re.compile(r"[A-Za-z0-9_][-._a-zA-Z0-9]{0,252}")
_LARGEST_CONFIG_MAP = 900_000
OUR_FILES = ("deployment.yaml", "kustomization.yaml", "kustomizeconfig.yaml")


@dataclass(frozen=True)
class Imported:
    """A manifest, and the files of the ConfigMap that it names (none: the code is in the store).

    `kept` says what has been registered, `notes` what has no meaning here or is worth knowing.
    """

    manifest: Mapping[str, Any]
    config_map: str
    files: Mapping[str, bytes]
    kept: tuple[str, ...]
    notes: tuple[str, ...]


class _Gathering:
    def __init__(self, draft: Draft, folder: Path, store: Store, name: str) -> None:
        self.draft = draft
        self.folder = folder
        self.store = store
        self.name = name
        self.kept: list[str] = []
        self.notes: list[str] = list(draft.notes)
        self.variables: Mapping[str, str] = {}


def gather(draft: Draft, folder: Path, store: Store, name: str | None, models: Sequence[str]) -> Imported:
    """The manifest. `folder` is the file's; `name` and `models` (NAME:VERSION or a path) go before the file's own.

    Raises:
        UserError: what is missing or does not fit, with the place that asks for it.
    """
    wanted = _resource_name(draft, name)
    at_work = _Gathering(draft, folder, store, wanted)
    root, entry, files = _code(at_work)
    source, inside = _source(at_work, entry, files)
    found = [_given_model(at_work, text) for text in models] or _own_models(at_work)
    fields = _environment(at_work, root, files)
    labels = {"labels": dict(draft.labels)} if draft.labels else {}
    manifest = {
        "apiVersion": schema.API_VERSION,
        "kind": schema.KIND,
        "metadata": {"name": wanted, **labels},
        "spec": {
            "models": [{"name": model.name, "version": model.version} for model in found],
            "scoring": {"entryScript": entry, "source": source},
            "environment": fields,
            **draft.spec,
            **_env(draft, at_work.variables),
        },
    }
    schema.validate(manifest)
    return Imported(manifest, f"{wanted}-score", inside, tuple(at_work.kept), tuple(at_work.notes))


def _env(draft: Draft, brought: Mapping[str, str]) -> dict[str, Any]:
    """`spec.env`: the deployment's variables, and those of the environment that it does not set itself."""
    own = list(draft.spec.get("env", []))
    names = {variable["name"] for variable in own}
    env = [*({"name": name, "value": value} for name, value in brought.items() if name not in names), *own]
    return {"env": env} if env else {}


def _resource_name(draft: Draft, name: str | None) -> str:
    if name:
        return name
    if draft.name is None:
        raise UserError("NameMissing", "the file does not name the deployment: give it a name with --name")
    return draft.name.text.lower()


def _code(at_work: _Gathering) -> tuple[Path, str, dict[str, bytes]]:
    """The source folder, the entry script's path in it, and its files."""
    code, script = at_work.draft.code, at_work.draft.entry_script
    root = at_work.folder / code.text if code else at_work.folder
    if code and not root.is_dir():
        raise UserError("EntryScriptMissing", f"{code.where}: {root}: no such folder")
    try:
        place, entry = definition.locate(script.text if code else root / script.text, root if code else None)
        files = definition.source_files(place)
        entry_script.check(files, entry)
    except UserError as error:
        raise located(error, script.where) from None
    return root, entry, files


def _source(at_work: _Gathering, entry: str, files: dict[str, bytes]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """`spec.scoring.source`, and the files that stand beside the manifest."""
    if _fits_a_config_map(files):
        return {"configMap": {"name": f"{at_work.name}-score"}}, files
    code = at_work.store.code.register(at_work.name, files, entry)
    at_work.kept.append(f"code {code.name}:{code.version}")
    return {"code": {"name": code.name, "version": code.version}}, {}


def _fits_a_config_map(files: Mapping[str, bytes]) -> bool:
    return (
        sum(map(len, files.values())) <= _LARGEST_CONFIG_MAP
        and all(_KEY.fullmatch(name) and name not in OUR_FILES for name in files)
        and all(map(_is_text, files.values()))
    )


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _given_model(at_work: _Gathering, text: str) -> ModelVersion:
    path = Path(text)
    if path.exists() or "/" in text:
        return _register(at_work, path, ModelFile(At(text, "--model")))
    try:
        return at_work.store.models.find(text.removeprefix("azureml:"))
    except UserError as error:
        raise located(error, f"--model {text}") from None


def _own_models(at_work: _Gathering) -> list[ModelVersion]:
    model = at_work.draft.model
    if model is None:
        return []
    if isinstance(model, ModelFile):
        return [_register(at_work, at_work.folder / model.path.text, model)]
    try:
        return [at_work.store.models.find(in_store(model, "model"))]
    except UserError as error:
        if error.reason == "AzureFieldRefused":
            raise
        raise located(error, model.where) from None


def _register(at_work: _Gathering, path: Path, model: ModelFile) -> ModelVersion:
    name = model.name or definition.model_name(path)
    try:
        version = at_work.store.models.register(name, path, tags=model.tags, description=model.description)
    except UserError as error:
        raise located(error, model.path.where) from None
    at_work.kept.append(f"model {version.name}:{version.version} ({path})")
    return version


def _environment(at_work: _Gathering, root: Path, files: Mapping[str, bytes]) -> dict[str, Any]:
    """`spec.environment`, and the variables that it brings, for `spec.env`."""
    draft = at_work.draft.environment
    if draft.reference is not None:
        return _ref(_registered(at_work, draft.reference))
    found = environment.find(draft, root if draft.in_code else at_work.folder, files)
    at_work.notes += found.notes
    if found.spec.dockerfile is not None:
        version = at_work.store.environments.register(at_work.name, found.spec, found.variables)
        at_work.kept.append(f"environment {version.name}:{version.version}")
        return _ref(version)
    at_work.variables = found.variables
    image = {"baseImage": found.spec.base_image} if found.spec.base_image else {}
    return {"python": found.spec.python, "requirements": list(found.spec.requirements), **image}


def _registered(at_work: _Gathering, reference: At) -> EnvironmentVersion:
    try:
        return at_work.store.environments.find(in_store(reference, "environment"))
    except UserError as error:
        if error.reason == "AzureFieldRefused":
            raise
        raise located(error, reference.where) from None


def _ref(version: EnvironmentVersion) -> dict[str, Any]:
    return {"ref": {"name": version.name, "version": version.version}}
