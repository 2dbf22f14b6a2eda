"""Observes a resource: reads its children and pods, and what their servers report, in parallel."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localmodel.cluster_records.decision import config_map_name
from localmodel.cluster_records.ownership import owns
from localmodel.cluster_records.revisions import record_name, selector
from localmodel_operator import children
from localmodel_operator.cluster import BY_NAME, CONFIG_MAP, DEPLOYMENT, POD, REVISION, SERVICE, Cluster, Object
from localmodel_operator.pods import rollout_status
from localmodel_operator.pods.admin import Admin
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records import decision, history
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import RecordedRevision
from localmodel_operator.records.keys import Signer

_MOST_NUMBER = 10**9


@dataclass(frozen=True)
class Observed:
    """The observed state of a resource.

    `pods` are active, `terminating` are in deletion. `revisions` are the ControllerRevisions that the operator has
    recorded, ascending, and `history` the same as values; `unsigned` names the resource's others. `decision` is None
    if its ConfigMap, `decision_object`, is missing or not signed by the operator. `foreign` names objects that have
    the name of a child and another owner. `optional` are the optional children, by kind.
    """

    deployment: Object | None
    service: Object | None
    pods: list[Pod]
    terminating: list[Pod]
    revisions: list[Object]
    history: list[RecordedRevision]
    unsigned: tuple[str, ...]
    next_number: int
    decision: Decision | None
    decision_object: Object | None
    foreign: tuple[str, ...]
    optional: Mapping[str, Object] = field(default_factory=dict)

    @property
    def newest(self) -> RecordedRevision | None:
        """The revision that was made last."""
        return self.history[-1] if self.history else None

    @property
    def started_with(self) -> int:
        """Number of the revision that new pods are started with; 0 before there is a Deployment."""
        return rollout_status.revision_of(self.deployment["spec"]["template"]) if self.deployment else 0


async def observe(
    cluster: Cluster, admin: Admin, signer: Signer, owner: Mapping[str, Any], optional: Collection[str] = ()
) -> Observed:
    """Observe the resource, with its optional children of these kinds, and of those that its Service names."""
    namespace, name, uid = (str(owner["metadata"][field]) for field in ("namespace", "name", "uid"))
    labels = selector(name)
    deployment, service, config_map, (active, terminating), revisions = await asyncio.gather(
        cluster.get(DEPLOYMENT, namespace, name),
        cluster.get(SERVICE, namespace, name),
        cluster.get(CONFIG_MAP, namespace, config_map_name(name)),
        observe_pods(cluster, admin, namespace, name),
        cluster.list(REVISION, namespace, labels),
    )
    kinds = sorted((children.optional_kinds(service) | {*optional}) & BY_NAME.keys())
    further = await asyncio.gather(*(cluster.get(BY_NAME[kind], namespace, name) for kind in kinds))
    present = [child for child in (deployment, service, config_map, *further) if child]
    foreign = [f"{child['kind']} {child['metadata']['name']}" for child in present if not owns(uid, child)]
    identity = decision.owner_of(owner)
    own = [record for record in revisions if owns(uid, record)]
    signed = [(record, history.read(record)) for record in own if history.is_ours(identity, record, signer)]
    recorded = sorted(((record, past) for record, past in signed if past), key=lambda pair: pair[1].number)
    ours = [record for record, _ in recorded]
    config_map = config_map if config_map and owns(uid, config_map) else None
    decided = decision.read(config_map, identity, signer)
    deployment = deployment if deployment and owns(uid, deployment) else None
    return Observed(
        deployment,
        service if service and owns(uid, service) else None,
        active,
        terminating,
        ours,
        [past for _, past in recorded],
        tuple(sorted(record["metadata"]["name"] for record in own if record not in ours)),
        next_number(name, highest(owner, decided, deployment, active, ours), revisions),
        decided,
        config_map,
        tuple(foreign),
        {child["kind"]: child for child in further if child and owns(uid, child)},
    )


def highest(
    owner: Mapping[str, Any],
    decided: Decision | None,
    deployment: Object | None,
    pods: Iterable[Pod],
    recorded: Iterable[Object],
) -> int:
    """The highest number that a revision has had, from all traces, because records can be deleted."""
    reported = owner.get("status", {}).get("revisions", {}).values()
    template = [rollout_status.revision_of(deployment["spec"]["template"])] if deployment else []
    # Without a Deployment, pods can be those of an earlier resource of the same name.
    running = [number for pod in pods for number in (pod.started_with, pod.serving or 0)] if deployment else []
    written = [decided.newest, decided.revision] if decided else []
    kept = [record["revision"] for record in recorded]
    # Others can write the status, too, so an unreachable number is ignored.
    believed = [number for number in (*reported, *template, *running) if number < _MOST_NUMBER]
    last: int = max([0, *written, *kept, *believed])
    return last


def next_number(name: str, last: int, records: Sequence[Object]) -> int:
    """The first number after the last one whose record's name is free."""
    taken = {record["metadata"]["name"] for record in records}
    number = last + 1
    while record_name(name, number) in taken:
        number += 1
    return number


async def observe_pods(cluster: Cluster, admin: Admin, namespace: str, name: str) -> tuple[list[Pod], list[Pod]]:
    """The active pods with their servers' reports, and the terminating pods, which are not asked."""
    objects = await listed(cluster, namespace, name)
    asked = [rollout_status.is_active(pod) and rollout_status.is_running(pod) for pod in objects]
    states = await asyncio.gather(
        *(admin.state(pod) if is_asked else _silent() for pod, is_asked in zip(objects, asked, strict=True))
    )
    last = admin.last_states.update((namespace, name), zip(objects, states, strict=True))
    known = [Pod(*parts) for parts in zip(objects, states, last, strict=True)]
    terminating = [pod for pod in known if "deletionTimestamp" in pod.object["metadata"]]
    return [pod for pod in known if rollout_status.is_active(pod.object)], terminating


async def listed(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """The pods as the API server returns them."""
    return await cluster.list(POD, namespace, selector(name))


async def _silent() -> None:
    return None
