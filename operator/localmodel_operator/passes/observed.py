"""What there is of a resource now: children, pods and what their servers say, asked for all at once."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localmodel_operator import names
from localmodel_operator.cluster import CONFIG_MAP, DEPLOYMENT, POD, REVISION, SERVICE, Cluster, Object
from localmodel_operator.pods import rollout_status
from localmodel_operator.pods.admin import Admin
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records import decision, history
from localmodel_operator.records.decision import Decision
from localmodel_operator.records.history import Recorded
from localmodel_operator.records.keys import Signer

_MOST_NUMBER = 10**9


@dataclass(frozen=True)
class World:
    """What was found.

    `pods` are those that are not on their way out, `leaving` those that are. `revisions` are those that the operator
    has recorded, ascending, and `history` the same, read; `strange` names others that say to be of this resource.
    `decision` is None where `decided`, the ConfigMap, is not there or not the operator's. `foreign` names children of
    others in the way.
    """

    deployment: Object | None
    service: Object | None
    pods: list[Pod]
    leaving: list[Pod]
    revisions: list[Object]
    history: list[Recorded]
    strange: tuple[str, ...]
    next_number: int
    decision: Decision | None
    decided: Object | None
    foreign: tuple[str, ...]

    @property
    def newest(self) -> Recorded | None:
        """The revision that was made last."""
        return self.history[-1] if self.history else None

    @property
    def started_with(self) -> int:
        """Number of the revision that new pods are started with; 0 before there is a Deployment."""
        return rollout_status.revision(self.deployment["spec"]["template"]) if self.deployment else 0


async def look(cluster: Cluster, admin: Admin, signer: Signer, owner: Mapping[str, Any]) -> World:
    """Ask for everything of the resource."""
    namespace, name, uid = (str(owner["metadata"][field]) for field in ("namespace", "name", "uid"))
    labels = f"{names.DEPLOYMENT_LABEL}={name}"
    deployment, service, decided, (found, leaving), revisions = await asyncio.gather(
        cluster.get(DEPLOYMENT, namespace, name),
        cluster.get(SERVICE, namespace, name),
        cluster.get(CONFIG_MAP, namespace, decision.name(name)),
        pods(cluster, admin, namespace, name),
        cluster.list(REVISION, namespace, labels),
    )
    children = (deployment, service, decided)
    foreign = [f"{each['kind']} {each['metadata']['name']}" for each in children if each and not owns(uid, each)]
    identity = decision.owner_of(owner)
    own = [each for each in revisions if owns(uid, each)]
    signed = [(each, history.read(each)) for each in own if history.is_ours(identity, each, signer)]
    recorded = sorted(((each, past) for each, past in signed if past), key=lambda pair: pair[1].number)
    ours = [each for each, _ in recorded]
    decided = decided if decided and owns(uid, decided) else None
    decided_by_us = decision.read(decided, identity, signer)
    deployment = deployment if deployment and owns(uid, deployment) else None
    return World(
        deployment,
        service if service and owns(uid, service) else None,
        found,
        leaving,
        ours,
        [past for _, past in recorded],
        tuple(sorted(each["metadata"]["name"] for each in own if each not in ours)),
        next_number(name, highest(owner, decided_by_us, deployment, found, ours), revisions),
        decided_by_us,
        decided,
        tuple(foreign),
    )


def highest(
    owner: Mapping[str, Any],
    decided: Decision | None,
    deployment: Object | None,
    pods: Iterable[Pod],
    recorded: Iterable[Object],
) -> int:
    """The highest number that a revision has had, by whatever is left to tell of it: records can be deleted."""
    told = owner.get("status", {}).get("revisions", {}).values()
    template = [rollout_status.revision(deployment["spec"]["template"])] if deployment else []
    # without a Deployment they can be those of a resource that had the name before
    running = [number for pod in pods for number in (pod.started_with, pod.serving or 0)] if deployment else []
    written = [decided.newest, decided.revision] if decided else []
    kept = [each["revision"] for each in recorded]
    # the status can be written by others than the operator: what no edits ever come to is not believed
    believed = [number for number in (*told, *template, *running) if number < _MOST_NUMBER]
    last: int = max([0, *written, *kept, *believed])
    return last


def next_number(name: str, last: int, there: Sequence[Object]) -> int:
    """The number after the last, but one whose record's name nobody has taken."""
    taken = {each["metadata"]["name"] for each in there}
    number = last + 1
    while f"{name}-r{number}" in taken:
        number += 1
    return number


async def pods(cluster: Cluster, admin: Admin, namespace: str, name: str) -> tuple[list[Pod], list[Pod]]:
    """The pods that stay, with what their servers say, and those that are on their way out, which are not asked."""
    there = await listed(cluster, namespace, name)
    asked = [rollout_status.counts(found) and rollout_status.is_running(found) for found in there]
    states = await asyncio.gather(
        *(admin.state(found) if is_asked else _silent() for found, is_asked in zip(there, asked, strict=True))
    )
    last = admin.last_words.heard((namespace, name), zip(there, states, strict=True))
    known = [Pod(*each) for each in zip(there, states, last, strict=True)]
    leaving = [pod for pod in known if "deletionTimestamp" in pod.found["metadata"]]
    return [pod for pod in known if rollout_status.counts(pod.found)], leaving


async def listed(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """The pods, as the API server has them."""
    return await cluster.list(POD, namespace, f"{names.DEPLOYMENT_LABEL}={name}")


async def _silent() -> None:
    return None


def owns(uid: str, child: Mapping[str, Any]) -> bool:
    """Whether the resource with this uid controls the child."""
    owners = child["metadata"].get("ownerReferences", [])
    return any(owner.get("controller") and owner["uid"] == uid for owner in owners)
