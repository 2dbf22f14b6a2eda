"""From a deployment's entity to the manifest of a LocalModelDeployment, by way of the document that it stands for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel.azure.ai.ml.entities import Environment, OnlineDeployment
from localmodel.azureml_files import document, environment
from localmodel.azureml_files.draft import At, Draft, ModelFile
from localmodel.azureml_files.environment import ReadEnvironment
from localmodel.azureml_files.fields import look_over
from localmodel.azureml_files.gather import gather
from localmodel.azureml_files.v2 import read
from localmodel.azureml_files.v2.fields import DEPLOYMENT
from localmodel.disk import home
from localmodel.project import definition
from localmodel.resource import annotations
from localmodel.resource.manifest import Manifests
from localmodel.store import Store
from localmodel.store.staged import StagedStore
from localmodel.targets import target

# Every example names them, and Azure ML asks for them.
_UNMENTIONED = ("instance_type",)


@dataclass(frozen=True)
class Wanted:
    """What a target applies. `notes` say which fields have no meaning here; `conda_file` names the packages."""

    draft: target.Draft
    notes: tuple[str, ...]
    conda_file: Path | None


def of(deployment: OnlineDeployment, name: str) -> Wanted:
    """The manifest, under the name that the deployment has here. Nothing is registered before it is kept.

    Raises:
        UserError: something is missing or does not fit; the message names the field.
    """
    definition.check_name(name)
    asked = read_draft(deployment, name)
    staged = StagedStore(home.store())
    manifests, notes = _manifests(asked, staged, name)
    draft = target.Draft(manifests, staged, lambda: _manifests(asked, Store(home.store()), name)[0])
    conda = asked.environment.conda
    return Wanted(draft, notes, Path(conda.text) if isinstance(conda, At) else None)


def read_draft(deployment: OnlineDeployment, name: str) -> Draft:
    """What the deployment asks for, before any file is read.

    Raises:
        UserError: a field has a wrong value, or no meaning here.
    """
    content = deployment._document()
    for field in ("endpoint_name", *_UNMENTIONED):
        content.pop(field, None)
    for field in ("model", "environment"):
        if isinstance(content.get(field), str) and not content[field].startswith(("azureml:", "/subscriptions/")):
            content[field] = f"azureml:{content[field]}"
    if isinstance(content.get("model"), dict):
        content["model"].setdefault("name", name)
    return read.draft(document.of({**content, "name": name}, f"deployment {deployment.name}"))


def packages(asked: Environment) -> ReadEnvironment:
    """What the environment holds.

    Raises:
        UserError: a field or a file is missing or not valid; the message names the field.
    """
    node = document.of({"environment": asked._document()}, f"environment {asked.name}")
    look_over(node, DEPLOYMENT)
    return environment.find(read.environment(node), Path(), {})


def _manifests(asked: Draft, store: Store, name: str) -> tuple[Manifests, tuple[str, ...]]:
    gathered = gather(asked, Path.cwd(), store, name, (), code_in_store=True)
    manifest = {**gathered.manifest, "metadata": {**gathered.manifest["metadata"]}}
    for annotation, text in _sources(asked, manifest).items():
        annotations.annotate(manifest, annotation, text)
    return Manifests(manifest, {}), gathered.notes


def _sources(asked: Draft, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Where the parts were read from, so that `lmd reload` reads them again."""
    model, conda = asked.model, asked.environment.conda
    path = model.path.text if isinstance(model, ModelFile) else ""
    names = [named["name"] for named in manifest["spec"]["models"]] if path else []
    code = asked.code.text if asked.code else str(Path.cwd())
    return {
        annotations.SOURCE: code if asked.entry_script else path,
        annotations.MODEL_SOURCES: json.dumps(dict.fromkeys(names, path)) if names else "",
        annotations.ENVIRONMENT_SOURCE: conda.text if isinstance(conda, At) else "",
    }
