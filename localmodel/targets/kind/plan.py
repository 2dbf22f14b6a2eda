"""Plans an apply to a cluster: compares the manifest, as the API server reads it, with what serves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from localmodel import entry_script, reasons, run_coroutine
from localmodel.cluster_records import revisions
from localmodel.disk import home
from localmodel.environments import of_source, stored
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Lock
from localmodel.environments.locks.no_wheel import NotBuiltError
from localmodel.errors import UserError
from localmodel.imports import check
from localmodel.imports.missing import Missing
from localmodel.resource import gate, spec
from localmodel.resource.spec import DeploymentSpec, KeyRef, ModelRef, Source
from localmodel.store import Store
from localmodel.store.fetched import addressed, from_git
from localmodel.store.staged import StagedStore
from localmodel.targets.kind import history as kind_history
from localmodel.targets.kind.kubectl import Kubectl, Object, items
from localmodel.targets.target import Planned
from localmodel.updates import plan, revision, served_spec
from localmodel.updates.plan import Facts, Plan


def plan_of(
    kubectl: Kubectl, resource: Object, live: Object | None, applied: Sequence[Object], store: Store
) -> Planned:
    """The plan for one resource as the API server would take it over. `applied` are all objects that come with it.

    `store` has what it names.

    Raises:
        UserError: something is missing or does not fit.
    """
    name = resource["metadata"]["name"]
    wanted = spec.parse(resource["spec"])
    if wanted.suspend:
        return Planned(name, "nothing", (), "spec.suspend is true: edits wait")
    records = kind_history.records(kubectl, live) if live else []
    own = kind_history.locks(kubectl, live, records) if live else ()
    world = _World(kubectl, resource["metadata"]["namespace"], applied)
    store = store if isinstance(store, StagedStore) else StagedStore(home.store())
    chosen = live.get("status", {}) if live and resource["spec"] == live["spec"] else {}
    wanted = replace(wanted, models=addressed.planned(store, _resolved(wanted.models, chosen), True))
    if (git := wanted.source.git) and (commit := _chosen_commit(live, chosen)):
        wanted = replace(wanted, source=Source(git=replace(git, ref=commit)))
    wanted = from_git.filled_in(wanted, store)
    desired = world.facts(wanted, own, store)
    result = _compared(desired, live, records) if live else plan.plan(desired, None)
    if result.lane not in ("nothing", "patch"):
        check.require(world.missing)
    return Planned(name, result.lane, result.steps, result.reason)


def _chosen_commit(live: Object | None, chosen: Mapping[str, Any]) -> str:
    """The commit that the operator has chosen for the live generation, or "": it has not come to it yet."""
    source = chosen.get("source", {})
    return str(source["commit"]) if live and source.get("generation") == live["metadata"]["generation"] else ""


def _resolved(models: Sequence[ModelRef], status: Mapping[str, Any]) -> Sequence[ModelRef]:
    """The models with the versions that the operator has chosen, as its status says."""
    chosen = {model["name"]: model["version"] for model in status.get("models", [])}
    return [replace(model, version=model.version or chosen.get(model.name, 0)) for model in models]


def _compared(desired: Facts, live: Object, records: Sequence[Object]) -> Plan:
    """Compare with the newest revision, which was asked for last; if that differs, with the one that serves."""
    serving = live.get("status", {}).get("revisions", {}).get("serving")
    newest = _against(desired, live, records[0] if records else None)
    if newest.lane in ("nothing", "patch"):
        number = int(records[0]["revision"])
        failed = revisions.failure(records[0])
        if failed:
            note = f"revision {number} failed, and is not tried again until something changes: {failed}"
            return replace(newest, reason=f"{newest.reason}; {note}")
        if serving not in (None, number):
            note = f"revision {serving} serves; lmd history {live['metadata']['name']} says why"
            return replace(newest, reason=f"{newest.reason}; {note}")
        return newest
    return _against(desired, live, next((record for record in records if record["revision"] == serving), None))


def _against(desired: Facts, live: Object, record: Object | None) -> Plan:
    facts = Facts.from_json(record["data"].get("facts")) if record else None
    if facts is None:
        return plan.plan(desired, None)
    before = spec.parse(live["spec"])  # as the live objects have it, whichever revision serves
    port = before.local_port or live.get("status", {}).get("localPort")
    before = replace(before, local_port=port if plan.PORT in desired.beside else None)
    return plan.plan(desired, replace(facts, fixed=plan.fixed_of_pods(before), beside=plan.beside_pods(before)))


def _lock(wanted: DeploymentSpec, platform: str | None, folder: Path, own: Sequence[str]) -> Lock:
    try:
        resolved = locks.resolve(wanted.environment, platform, folder, own=own, built_wheels=folder / "none")
        return run_coroutine.run(resolved)
    except NotBuiltError as needed:
        raise UserError(
            reasons.WHEEL_MISSING,
            f"spec.environment.requirements: {needed.requirement} has no wheel: the operator has one built in the "
            "cluster, and before that nothing can be planned; lmd apply starts it",
        ) from None


class _World:
    """The objects that the manifest refers to: those applied with it, else those in the namespace."""

    def __init__(self, kubectl: Kubectl, namespace: str, applied: Sequence[Object]) -> None:
        self._kubectl, self._namespace = kubectl, namespace
        self.missing = Missing()
        self._maps = {item["metadata"]["name"]: item for item in applied if item["kind"] == "ConfigMap"}

    def facts(self, wanted: DeploymentSpec, own: Sequence[str], store: Store) -> Facts:
        wanted = served_spec.of(wanted, store)
        files = self._files(wanted, store)
        wanted = of_source.filled_in(wanted, files)
        entry_script.check(files, wanted.entry_script)
        platform = locks.PLATFORMS.get(self._architecture())
        folder = home.store() / "locks"
        if wanted.environment_ref:
            own = locks.of_versions(stored.environments_until(wanted.environment_ref, store), platform, folder)
        with of_source.told_of(wanted, files):
            lock = _lock(wanted, platform, folder, own)
        models = store.select_models(wanted.models)
        self.missing = check.look(wanted, files, check.pickled(models), lock)
        gated = self._config_map(wanted.gate.config_map) if wanted.gate and wanted.gate.config_map else None
        return plan.of_pods(
            wanted,
            lock=lock.digest,
            code=revision.code_digest(wanted.entry_script, files),
            files=files,
            models=models,
            variables=dict(self._variables(wanted)),
            secrets=dict(self._secrets(wanted)),
            gate=gate.digest(gate.requests(wanted.gate, gated)),
        )

    def _files(self, wanted: DeploymentSpec, store: Store) -> dict[str, bytes]:
        source = wanted.source
        if source.inline is not None:
            return {name: text.encode() for name, text in source.inline.items()}
        if source.code is not None:
            return stored.code(source.code, store)
        data = self._config_map(source.config_map or "")
        if data is None:
            raise UserError(
                reasons.SOURCE_MISSING,
                f"spec.scoring.source.configMap: there is no ConfigMap {source.config_map} in namespace "
                f"{self._namespace}",
            )
        return {key: text.encode() for key, text in data.items()}

    def _variables(self, wanted: DeploymentSpec) -> Iterator[tuple[str, str]]:
        for index, variable in enumerate(wanted.env):
            reference = variable.value_from
            if reference is None:
                yield variable.name, variable.value
            elif reference.kind == "ConfigMap":
                content = self._config_map(reference.name)
                if content is not None and reference.key in content:
                    yield variable.name, content[reference.key]
                elif not reference.optional:
                    what = "does not exist" if content is None else f"has no key {reference.key}"
                    raise UserError(
                        reasons.VARIABLE_SOURCE_MISSING, f"spec.env[{index}]: ConfigMap {reference.name} {what}"
                    )

    def _secrets(self, wanted: DeploymentSpec) -> Iterator[tuple[str, str]]:
        for index, variable in enumerate(wanted.env):
            reference = variable.value_from
            if reference and reference.kind == "Secret":
                yield variable.name, self._secret(index, reference)

    def _secret(self, index: int, reference: KeyRef) -> str:
        """The Secret's key and version, as the operator names them; the value is not read."""
        version = "jsonpath={.metadata.uid}/{.metadata.resourceVersion}"
        inside = ["--namespace", self._namespace, "--ignore-not-found", "-o", version]
        output = self._kubectl.run("get", "secret", reference.name, *inside)
        if not output and not reference.optional:
            raise UserError(
                reasons.VARIABLE_SOURCE_MISSING, f"spec.env[{index}]: Secret {reference.name} does not exist"
            )
        return "/".join(["Secret", reference.name, reference.key, *reference.version(*filter(None, output.split("/")))])

    def _config_map(self, name: str) -> Mapping[str, str] | None:
        config_map = self._maps.get(name) or self._kubectl.find("configmap", name, self._namespace)
        return config_map.get("data", {}) if config_map else None

    def _architecture(self) -> str:
        nodes = items(self._kubectl.run("get", "nodes", "-o", "json"))
        return str(nodes[0]["metadata"]["labels"]["kubernetes.io/arch"])
