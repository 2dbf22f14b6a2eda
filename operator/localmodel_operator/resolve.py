"""From names to content: what the spec asks for, as digests, files and records."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localmodel import digests, entry_script, revision, stored
from localmodel.environments import lock as locks
from localmodel.environments.lock import Lock
from localmodel.errors import UserError
from localmodel.spec import DeploymentSpec
from localmodel.store import ModelVersion, Store
from localmodel_operator.cluster import BY_NAME, CONFIG_MAP, Cluster


@dataclass(frozen=True)
class Bundle:
    """What a worker loads, and the settings it is run with."""

    models: tuple[ModelVersion, ...]
    files: Mapping[str, bytes]
    code: str
    digest: str
    settings: str


@dataclass(frozen=True)
class Desired:
    """Everything a revision is made of that the user decides."""

    spec: DeploymentSpec
    bundle: Bundle
    lock: Lock

    @property
    def inputs(self) -> str:
        """Digest of the user's decisions; ours (the server's version, the pod template) are not in it."""
        spec = self.spec.environment
        return digests.of_json(
            [spec.base, spec.python, self.lock.digest, self.bundle.digest, self.bundle.settings, self.spec.entry_script]
        )


async def bundle(cluster: Cluster, store: Store, namespace: str, spec: DeploymentSpec) -> Bundle:
    """Resolve models, code and settings.

    Raises:
        UserError: whatever is missing or does not fit; its message names the field, or file and line.
    """
    models = store.models.select(spec.models)
    files = await _files(cluster, store, namespace, spec)
    entry_script.check(files, spec.entry_script)
    code = revision.code_digest(spec.entry_script, files)
    settings = digests.of_json([spec.server.variables(), await _variables(cluster, namespace, spec)])
    return Bundle(models, files, code, revision.bundle_digest(code, models), settings)


async def lock(store: Store, spec: DeploymentSpec, architecture: str) -> Lock:
    """Resolve the requirements for the nodes' architecture (`amd64`, `arm64`)."""
    platform = locks.PLATFORMS.get(architecture)
    if platform is None:
        raise UserError("PlatformUnsupported", f"nodes of architecture {architecture} are not supported")
    return await locks.resolve(spec.environment, platform, store.root / "locks")


async def _files(cluster: Cluster, store: Store, namespace: str, spec: DeploymentSpec) -> dict[str, bytes]:
    if spec.source.inline is not None:
        return {name: text.encode() for name, text in spec.source.inline.items()}
    if spec.source.code is not None:
        return await asyncio.to_thread(stored.code, spec.source.code, store)
    name = spec.source.config_map or ""
    found = await cluster.get(CONFIG_MAP, namespace, name)
    if found is None:
        raise UserError(
            "SourceMissing", f"spec.scoring.source.configMap: there is no ConfigMap {name} in namespace {namespace}"
        )
    if found.get("binaryData"):
        raise UserError(
            "SourceInvalid",
            f"ConfigMap {name}: binaryData holds {', '.join(found['binaryData'])}; only text files can be code",
        )
    return {key: text.encode() for key, text in found.get("data", {}).items()}


async def _variables(cluster: Cluster, namespace: str, spec: DeploymentSpec) -> list[Any]:
    """The variables; a referenced value stands in by its object's version, so that no secret is hashed or kept."""
    result: list[Any] = []
    for index, variable in enumerate(spec.env):
        reference = variable.value_from
        if reference is None:
            result.append([variable.name, variable.value])
            continue
        found = await cluster.get(BY_NAME[reference.kind], namespace, reference.name)
        if found is None or reference.key not in found.get("data", {}):
            what = f"has no key {reference.key}" if found else "does not exist"
            raise UserError("VariableSourceMissing", f"spec.env[{index}]: {reference.kind} {reference.name} {what}")
        result.append(
            [
                variable.name,
                reference.kind,
                reference.name,
                reference.key,
                found["metadata"]["uid"],
                found["metadata"]["resourceVersion"],
            ]
        )
    return result
