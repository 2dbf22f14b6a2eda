"""The spec as it is served: with what it names in the store, and the script of a model that comes without one."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from localmodel import digests, no_code
from localmodel.disk import files, state_file
from localmodel.environments import stored
from localmodel.errors import UserError
from localmodel.resource.spec import DeploymentSpec, EnvironmentSpec, GateSpec, Source
from localmodel.store import ModelVersion, Store

# By the kind of model, where it is not called so itself
_LIBRARIES = {"sklearn": "scikit-learn", "onnx": "onnxruntime", "pyfunc": "mlflow"}
# What a manifest takes as a request's body.
_LARGEST_BODY = 128 * 1024


@dataclass(frozen=True)
class _Generated:
    """What is kept of no_code.Scoring, so that a later version of the library changes nothing that serves."""

    flavor: str
    entry: str
    files: Mapping[str, str]
    environment: EnvironmentSpec
    request: str | None
    notes: tuple[str, ...]


def of(wanted: DeploymentSpec, store: Store, note: Callable[[str], None] = lambda text: None) -> DeploymentSpec:
    """The spec with its environment of the store, and where it has no script with the one that its model needs.

    What the spec says itself stays. `note` is told what a user should know of a generated script.

    Raises:
        UserError: the store's; the model needs a script of its own. The message names the field.
    """
    wanted = stored.filled_in(wanted, store)
    if not wanted.source.is_generated:
        return wanted
    (model,) = store.select_models(wanted.models)
    try:
        generated = _generated(model, store)
    except UserError as error:
        raise UserError(error.reason, f"spec.models[0]: {error}") from None
    for text in generated.notes:
        note(text)
    return replace(
        wanted,
        entry_script=generated.entry,
        source=Source(inline=generated.files),
        environment=_environment(wanted, generated.environment),
        gate=wanted.gate or _first_gate(generated.request),
        generated=_described(generated),
    )


def _described(generated: _Generated) -> str:
    """The kind of model, with the library that loads it."""
    kind = generated.flavor.rpartition(".")[2]
    library = _LIBRARIES.get(kind, kind)
    named = [
        requirement
        for requirement in generated.environment.requirements
        if re.split(r"[^A-Za-z0-9._-]", requirement)[0] == library
    ]
    return f"generated for {generated.flavor}{''.join(f' ({requirement})' for requirement in named[:1])}"


def _environment(wanted: DeploymentSpec, needed: EnvironmentSpec) -> EnvironmentSpec:
    """What the spec says of the environment, and for the rest what the model needs."""
    asked = wanted.environment
    if wanted.environment_ref:
        return asked
    return replace(
        needed,
        python=asked.python if wanted.own_python else needed.python,
        requirements=asked.requirements or needed.requirements,
        base_image=asked.base_image or needed.base_image,
    )


def _first_gate(request: str | None) -> GateSpec | None:
    """That the model answers its sample request at all."""
    if request is None or len(request) > _LARGEST_BODY:
        return None
    return GateSpec(({"name": "the model's sample request", "body": request},))


def _generated(model: ModelVersion, store: Store) -> _Generated:
    """Made once for each content of a model, and kept."""
    path = store.root / "scoring" / f"{model.digest.removeprefix('sha256:')}.json"
    kept = None
    try:
        kept = state_file.read(path, _Generated, "")
    except UserError as error:
        state_file.unreadable(error)  # it can be made anew
    if kept is None:
        with store.model_files(model) as place:
            kept = _make(model, place)
            if store.layout.path(model.digest).is_file():  # else it is not registered yet
                files.write(path, digests.canonical_json(asdict(kept)))
    return kept


def _make(model: ModelVersion, place: Path) -> _Generated:
    made = no_code.scoring(place, model.name)
    return _Generated(
        made.flavor,
        made.entry,
        {name: content.decode() for name, content in made.files.items()},
        made.environment,
        made.request.decode() if made.request is not None else None,
        made.notes,
    )
