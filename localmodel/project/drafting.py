"""From what was read of a deployment to a manifest that a target applies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localmodel.disk import home
from localmodel.output.progress import Progress
from localmodel.project import definition, given
from localmodel.project.folder import source
from localmodel.project.given import Chosen, Model, Packages
from localmodel.resource import annotations
from localmodel.resource.manifest import Manifests
from localmodel.store import ModelVersion, Store
from localmodel.store.models import of_content
from localmodel.store.staged import StagedStore
from localmodel.targets.target import Draft


@dataclass(frozen=True)
class Code:
    """The source that was read: where (None: it was made), its files, and its entry script."""

    place: Path | None
    files: Mapping[str, bytes]
    entry: str


@dataclass(frozen=True)
class Parts:
    """What a deployment is made of; None: as it was.

    `model_sources` are paths of models, by name, where they are not those of `models`; `environment_file` is where the
    environment was read from, and `environment_chosen` whether that is because it lies in the folder and nobody named
    one; `python` is the version that was asked for beside it. `model_place`: of a model that is
    served without a script, where it was taken from.
    """

    code: Code | None = None
    model_place: Path | None = None
    models: Sequence[Model] | None = None
    model_sources: Mapping[str, Path] | None = None
    environment: Packages | None = None
    environment_file: Path | None = None
    environment_chosen: bool = False
    python: str = ""
    variables: Mapping[str, str] | None = None
    port: int | None = None
    server: Mapping[str, object] | None = None
    capture: Mapping[str, Any] | None = None
    replicas: int | None = None
    gate: Sequence[Mapping[str, Any]] | None = None
    update: Mapping[str, Mapping[str, Any]] | None = None


def code(script: str | Path, folder: str | Path | None, models: Mapping[str, Path], progress: Progress) -> Code:
    """Read the source; what it leaves out is noted. `models` are paths, which are not code.

    Raises:
        UserError: as source.locate() and source.read().
    """
    place, entry = source.locate(script, folder)
    return code_at(place, entry, models, progress)


def code_at(place: Path, entry: str, models: Mapping[str, Path], progress: Progress) -> Code:
    """The same, of a place that locate() has given.

    Raises:
        UserError: as source.read().
    """
    content = source.read(place, entry, models.values())
    for note in content.notes:
        progress.note(note)
    return Code(place, content.files, entry)


def draft(base: Manifests, parts: Parts, progress: Progress) -> Draft:
    """The manifest `base` with these parts in place of its own. Nothing is registered before it is kept.

    Raises:
        UserError: what is named does not exist, or is not valid.
    """
    name = base.deployment["metadata"]["name"]
    staged = StagedStore(home.store())
    wanted, addresses = given.fetched(parts.models or (), name, progress)
    chosen = None if parts.models is None else given.models(wanted, staged, name)
    places = given.paths(wanted, name)
    named = annotations.model_sources(base.deployment) if parts.models is None else {**places, **addresses}
    sources = named if parts.model_sources is None else parts.model_sources

    def manifests(store: Store, models: Sequence[Chosen] | None) -> Manifests:
        files = parts.code
        changed = definition.changed(
            base.deployment,
            code=store.code.register(name, files.files, files.entry) if files else None,
            models=models,
            environment=parts.environment.of(name, store) if parts.environment else None,
            variables=parts.variables,
            port=parts.port,
            server=parts.server,
            capture=parts.capture,
            replicas=parts.replicas,
            gate=parts.gate,
            update=parts.update,
            source=files.place if files else parts.model_place,
            model_sources=sources,
            environment_source=parts.environment_file,
            environment_chosen=parts.environment_chosen,
            python=parts.python,
        )
        return replace(base, deployment=changed)

    def keep() -> Manifests:
        store = Store(home.store())
        models = [
            of_content(store.models, model.name, places[model.name])
            if isinstance(model, ModelVersion) and staged.is_new(model)
            else model
            for model in chosen or ()
        ]
        return manifests(store, None if chosen is None else models)

    return Draft(manifests(staged, chosen), staged, keep)
