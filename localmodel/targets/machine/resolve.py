"""Resolves a manifest to what a server without a cluster needs: code, models, lock, variables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from localmodel import data, digests, entry_script, pickles, reasons, run_coroutine
from localmodel.disk import home
from localmodel.environments import of_source, stored
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.resource import gate
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import DeploymentSpec, Variable
from localmodel.store import ModelVersion, Store
from localmodel.store.fetched import addressed, from_git
from localmodel.store.staged import StagedStore
from localmodel.targets.machine.runner import Runner
from localmodel.updates import revision, served_spec
from localmodel.updates.revision import Revision


@dataclass(frozen=True)
class Desired:
    """What is to be served. `variables` are the user's, `code` is the digest of the source folder.

    `gate` has the requests that the revision must pass before it serves.
    """

    spec: DeploymentSpec
    files: Mapping[str, bytes]
    models: tuple[ModelVersion, ...]
    variables: Mapping[str, str]
    lock: Lock
    code: str
    revision: Revision
    gate: tuple[Mapping[str, Any], ...] = ()


def resolve(
    manifests: Manifests,
    spec: DeploymentSpec,
    runner: Runner,
    progress: Progress,
    own: Sequence[str] = (),
    store: Store | None = None,
    only_plan: bool = False,
) -> Desired:
    """Look everything up. `own` are digests of the locks that the deployment has served with, the last one first.

    `store` has what the manifest names; None: the one that is kept. With `only_plan`, no model is downloaded.

    Raises:
        UserError: something is missing or does not fit; the message names the field, or file and line.
    """
    if only_plan:
        store = store if isinstance(store, StagedStore) else StagedStore(home.store())
        spec = replace(spec, models=addressed.planned(store, spec.models))
    else:
        kept = Store(home.store())
        spec = replace(spec, models=addressed.fetched(kept, spec.models, progress))
        store = store or kept
    with progress.step("script") as done:
        spec = from_git.filled_in(spec, store, progress.note)
        spec = served_spec.of(spec, store, progress.note)
        files = source_files(manifests, spec, store)
        spec = of_source.filled_in(spec, files)
        entry_script.check(files, spec.entry_script)
        values = {variable.name: _value(index, variable, manifests) for index, variable in enumerate(spec.env)}
        variables = {name: value for name, value in values.items() if value is not None}
        requests = _gate(manifests, spec)
        done(spec.generated or spec.entry_script)
    with progress.step("models") as done:
        models = store.select_models(spec.models)
        done(", ".join(f"{model.name}:{model.version}" for model in models) or "none")
    with progress.step("requirements") as done:
        platform, folder = runner.platform(), home.store() / "locks"
        if spec.environment_ref:
            own = locks.of_versions(stored.environments_until(spec.environment_ref, store), platform, folder)
        with of_source.told_of(spec, files):
            lock = run_coroutine.run(locks.resolve(spec.environment, platform, folder, progress.note, own))
        done(f"{lock.counted}, locked")
    for warning in pickles.mismatches(models, spec.environment.requirements, lock.text):
        progress.note(warning)
    for missing in pickles.lacking(models, spec.entry_script, files[spec.entry_script]):
        progress.note(missing)
    code = revision.code_digest(spec.entry_script, files)
    described = Revision(
        base=runner.base(spec.environment),
        server=server_digest(),
        lock=lock.digest,
        bundle=revision.bundle_digest(code, models),
        settings=digests.of_json([spec.server_variables(), variables]),
    )
    return Desired(spec, files, models, variables, lock, code, described, requests)


def server_digest() -> str:
    """Digest of the server's and the worker's own code, which a running server does not change."""
    return digests.of_json(digests.of_files(data.server_files()))


def source_files(manifests: Manifests, spec: DeploymentSpec, store: Store) -> dict[str, bytes]:
    """The files of the script's source, path -> content.

    Raises:
        UserError: they are missing; the message names the field.
    """
    if spec.source.inline is not None:
        return {name: text.encode() for name, text in spec.source.inline.items()}
    if spec.source.code is not None:
        return stored.code(spec.source.code, store)
    name = spec.source.config_map or ""
    if name not in manifests.config_maps:
        there = ", ".join(sorted(manifests.config_maps)) or "none"
        raise UserError(
            reasons.SOURCE_MISSING,
            f"spec.scoring.source.configMap: no ConfigMap {name} beside the deployment (found: {there}); "
            "there is no cluster to take it from, so apply it together with the deployment",
        )
    return dict(manifests.config_maps[name])


def _gate(manifests: Manifests, spec: DeploymentSpec) -> tuple[Mapping[str, Any], ...]:
    name = spec.gate.config_map if spec.gate else None
    return gate.requests(spec.gate, manifests.config_maps.get(name) if name else None)


def _value(index: int, variable: Variable, manifests: Manifests) -> str | None:
    """The variable's value, or None if it is not set."""
    reference = variable.value_from
    if reference is None:
        return variable.value
    config_map = manifests.config_maps.get(reference.name) if reference.kind == "ConfigMap" else None
    if config_map is not None and reference.key in config_map:
        return config_map[reference.key].decode()
    if reference.optional:
        return None
    field = f"spec.env[{index}].valueFrom"
    if reference.kind != "ConfigMap":
        raise UserError(
            reasons.VARIABLE_SOURCE_MISSING,
            f"{field}.secretKeyRef: there is no cluster to take a Secret from; use value",
        )
    what = "is not beside the deployment" if config_map is None else f"has no key {reference.key}"
    raise UserError(reasons.VARIABLE_SOURCE_MISSING, f"{field}.configMapKeyRef: ConfigMap {reference.name} {what}")
