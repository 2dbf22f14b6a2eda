"""Collects what an export needs: code, environment, variables, models."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from localmodel import reasons
from localmodel.azureml_files.exported import Exportable, Model
from localmodel.azureml_files.settings import is_label
from localmodel.environments import stored
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.resource import spec
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import DeploymentSpec, Variable
from localmodel.store import Store
from localmodel.store.fetched import from_address, from_git
from localmodel.updates import served_spec

MODELS = "models"


def collect(manifests: Manifests, store: Store, with_models: bool) -> Exportable:
    """Look up what the deployment refers to. `with_models` says that the exported folder will have the models' files.

    Raises:
        UserError: the store's errors, SourceMissing.
    """
    metadata = manifests.deployment["metadata"]
    wanted = from_git.filled_in(spec.parse(manifests.deployment["spec"]), store)
    wanted = served_spec.of(wanted, store)
    variables, notes = _variables(wanted.env, manifests.config_maps)
    return Exportable(
        metadata["name"],
        {name: value for name, value in metadata.get("labels", {}).items() if is_label(name, value)},
        wanted,
        _files(wanted, manifests, store),
        variables,
        _models(wanted, store, with_models),
        tuple(notes),
    )


def write_models(deployment: Exportable, store: Store, folder: Path) -> None:
    """Write the models' files into the exported folder.

    Raises:
        UserError: the store's errors.
    """
    for model in deployment.models:
        if model.path is not None:
            store.models.download(model.name, model.version, (folder / model.path).parent, exist_ok=True)


def _files(wanted: DeploymentSpec, manifests: Manifests, store: Store) -> dict[str, bytes]:
    source = wanted.source
    if source.inline is not None:
        return {name: text.encode() for name, text in source.inline.items()}
    if source.code is not None:
        return stored.code(source.code, store)
    name = source.config_map or ""
    if name not in manifests.config_maps:
        raise UserError(
            reasons.SOURCE_MISSING,
            f"spec.scoring.source.configMap: no ConfigMap {name} beside the deployment: "
            "name the folder with its kustomization.yaml (-k)",
        )
    return dict(manifests.config_maps[name])


def _variables(
    env: Sequence[Variable], config_maps: Mapping[str, Mapping[str, bytes]]
) -> tuple[dict[str, str], list[str]]:
    values, notes = {}, []
    for index, variable in enumerate(env):
        reference = variable.value_from
        if reference is None:
            values[variable.name] = variable.value
        elif reference.kind == "ConfigMap" and reference.key in config_maps.get(reference.name, {}):
            values[variable.name] = config_maps[reference.name][reference.key].decode()
        else:
            place = f"{reference.kind} {reference.name}"
            notes.append(f"spec.env[{index}]: {variable.name} comes from the {place}: give it its value in Azure ML")
    return values, notes


def _models(wanted: DeploymentSpec, store: Store, with_files: bool) -> tuple[Model, ...]:
    if not with_files:
        chosen = ((model.name, model.version or from_address.last(store, model).version) for model in wanted.models)
        return tuple(Model(name, version, None) for name, version in chosen)
    return tuple(
        Model(
            model.name,
            model.version,
            f"{MODELS}/{model.name}/{model.version}/{layers.top(store.layout.path(model.weights.digest))}",
        )
        for model in store.select_models(wanted.models)
    )
