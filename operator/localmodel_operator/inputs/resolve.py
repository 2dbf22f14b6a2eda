"""Resolves the names in a spec to content: digests, files and records."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import digests, entry_script, reasons
from localmodel.environments import stored
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.imports.missing import Missing
from localmodel.resource import gate
from localmodel.resource.spec import DeploymentSpec, Variable
from localmodel.store import ModelVersion, Store
from localmodel.updates import revision
from localmodel_operator.cluster import BY_NAME, CONFIG_MAP, Cluster


@dataclass(frozen=True)
class Bundle:
    """What a worker loads, and its settings."""

    models: tuple[ModelVersion, ...]
    files: Mapping[str, bytes]
    code: str
    digest: str
    settings: str
    variables: tuple[Variable, ...]  # with values in the place of references to ConfigMaps
    secret_versions: Mapping[str, str]  # by variable: what changes with its Secret
    gate: tuple[Mapping[str, Any], ...]  # requests that the revision must pass

    @property
    def secrets(self) -> str:
        """Digest of the Secrets' versions, or ""."""
        return digests.of_json(dict(self.secret_versions)) if self.secret_versions else ""


@dataclass(frozen=True)
class Desired:
    """Everything in a revision that the user decides."""

    spec: DeploymentSpec
    bundle: Bundle
    lock: Lock
    missing: Missing = Missing()  # noqa: RUF009 - it is frozen
    moved: tuple[str, ...] = ()  # of the models' addresses, which lead to other versions without an edit

    @property
    def inputs(self) -> str:
        """Digest of the user's decisions, without ours (the server's version, the pod template)."""
        spec, bundle = self.spec.environment, self.bundle
        asked = [spec.base, spec.python, self.lock.digest, bundle.digest, bundle.settings, self.spec.entry_script]
        # another gate needs another proof; revisions from before there were gates have none
        return digests.of_json([*asked, gate.digest(bundle.gate)] if bundle.gate else asked)


async def files(cluster: Cluster, store: Store, namespace: str, spec: DeploymentSpec) -> dict[str, bytes]:
    """The files of the script's source.

    Raises:
        UserError: they are missing; the message names the field.
    """
    if spec.source.inline is not None:
        return {name: text.encode() for name, text in spec.source.inline.items()}
    if spec.source.code is not None:
        return await asyncio.to_thread(stored.code, spec.source.code, store)
    name = spec.source.config_map or ""
    config_map = await cluster.get(CONFIG_MAP, namespace, name)
    if config_map is None:
        raise UserError(
            reasons.SOURCE_MISSING,
            f"spec.scoring.source.configMap: there is no ConfigMap {name} in namespace {namespace}",
        )
    if config_map.get("binaryData"):
        raise UserError(
            reasons.SOURCE_INVALID,
            f"ConfigMap {name}: binaryData holds {', '.join(config_map['binaryData'])}; only text files can be code",
        )
    return {key: text.encode() for key, text in config_map.get("data", {}).items()}


async def bundle(
    cluster: Cluster,
    namespace: str,
    spec: DeploymentSpec,
    models: tuple[ModelVersion, ...],
    files: Mapping[str, bytes],
) -> Bundle:
    """Resolve the settings; `models` are those of the spec, and `files` the source's.

    Raises:
        UserError: something is missing or does not fit; the message names the field, or file and line.
    """
    entry_script.check(files, spec.entry_script)
    code = revision.code_digest(spec.entry_script, files)
    resolved = [await _variable(cluster, namespace, index, reference) for index, reference in enumerate(spec.env)]
    variables = [pair for pair in resolved if pair]
    settings = digests.of_json([spec.server_variables(), [parts for _, parts in variables]])
    versions = {variable.name: "/".join(parts[1:]) for variable, parts in variables if variable.value_from}
    return Bundle(
        models,
        files,
        code,
        revision.bundle_digest(code, models),
        settings,
        tuple(variable for variable, _ in variables),
        versions,
        await _gate(cluster, namespace, spec),
    )


async def _gate(cluster: Cluster, namespace: str, spec: DeploymentSpec) -> tuple[Mapping[str, Any], ...]:
    if spec.gate is None:
        return ()
    config_map = await cluster.get(CONFIG_MAP, namespace, spec.gate.config_map) if spec.gate.config_map else None
    content = None if config_map is None else {name: text.encode() for name, text in config_map.get("data", {}).items()}
    return gate.requests(spec.gate, content)


async def lock(
    store: Store,
    spec: DeploymentSpec,
    architecture: str,
    own: Sequence[str] = (),
    note: Callable[[str], None] | None = None,
    built_wheels: Path | None = None,
) -> Lock:
    """Resolve the requirements for the nodes' architecture (`amd64`, `arm64`).

    `own` are digests of the locks that the resource has served with, the last one first. `built_wheels` is the folder
    of the wheels that were built for it and its namespace.

    Raises:
        NotBuiltError: a package comes as source only, and the folder does not have its wheel.
        UserError: the errors of `locks.lock.resolve()`.
    """
    platform = locks.PLATFORMS.get(architecture)
    if platform is None:
        raise UserError(reasons.PLATFORM_UNSUPPORTED, f"nodes of architecture {architecture} are not supported")
    folder = store.root / "locks"
    if spec.environment_ref:
        versions = await asyncio.to_thread(stored.environments_until, spec.environment_ref, store)
        own = locks.of_versions(versions, platform, folder)
    return await locks.resolve(spec.environment, platform, folder, note, own, built_wheels)


async def _variable(
    cluster: Cluster, namespace: str, index: int, variable: Variable
) -> tuple[Variable, list[str]] | None:
    """The variable as pods get it, and its part in the settings' digest; None if it is not set.

    A Secret's value is represented by its object's version, so that no secret is hashed or kept.
    """
    reference = variable.value_from
    if reference is None:
        return variable, [variable.name, variable.value]
    holder = await cluster.get(BY_NAME[reference.kind], namespace, reference.name)
    has_key = holder is not None and reference.key in holder.get("data", {})
    if not has_key and not reference.optional:
        what = f"has no key {reference.key}" if holder else "does not exist"
        raise UserError(reasons.VARIABLE_SOURCE_MISSING, f"spec.env[{index}]: {reference.kind} {reference.name} {what}")
    if reference.kind == "ConfigMap":
        # its value instead of a reference, so that a restart serves the same after an edit of the ConfigMap
        value = str(holder["data"][reference.key]) if holder and has_key else None
        return None if value is None else (Variable(variable.name, value), [variable.name, value])
    version = reference.version(*(holder["metadata"][name] for name in ("uid", "resourceVersion")) if holder else ())
    return variable, [variable.name, reference.kind, reference.name, reference.key, *version]
