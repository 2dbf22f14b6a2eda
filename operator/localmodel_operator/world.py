"""What there is of a resource now: children, pods and what their servers say, asked for all at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localmodel_operator import decision, history, names, rollout
from localmodel_operator.admin import Admin
from localmodel_operator.cluster import CONFIG_MAP, DEPLOYMENT, POD, REVISION, SERVICE, Cluster, Object
from localmodel_operator.decision import Decision
from localmodel_operator.history import Recorded
from localmodel_operator.pods import Pod


@dataclass(frozen=True)
class World:
    """What was found.

    `pods` are those that are not on their way out; `is_answered_by_leaving` says that one which is still answers: it
    is sent what there is no other pod for. `decided` is `decision` as an object, None before the first; `foreign`
    names children of others in the way.
    """

    deployment: Object | None
    service: Object | None
    pods: list[Pod]
    is_answered_by_leaving: bool
    revisions: list[Object]
    decided: Object | None
    foreign: tuple[str, ...]

    @property
    def history(self) -> list[Recorded]:
        """The revisions, ascending."""
        return [history.recorded(found) for found in self.revisions]

    @property
    def decision(self) -> Decision:
        return decision.read(self.decided)

    @property
    def started_with(self) -> int:
        """Number of the revision that new pods are started with; 0 before there is a Deployment."""
        return rollout.revision(self.deployment["spec"]["template"]) if self.deployment else 0


async def look(cluster: Cluster, admin: Admin, namespace: str, name: str, uid: str) -> World:
    """Ask for everything of the resource with this uid."""
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
    return World(
        deployment if deployment and owns(uid, deployment) else None,
        service if service and owns(uid, service) else None,
        found,
        any(rollout.is_ready(each) for each in leaving),
        sorted((each for each in revisions if owns(uid, each)), key=lambda each: int(each["revision"])),
        decided if decided and owns(uid, decided) else None,
        tuple(foreign),
    )


async def pods(cluster: Cluster, admin: Admin, namespace: str, name: str) -> tuple[list[Pod], list[Object]]:
    """The pods that stay, with what their servers say, and those that are on their way out."""
    there = await listed(cluster, namespace, name)
    kept = [found for found in there if rollout.counts(found)]
    states = await asyncio.gather(*(admin.state(found) if rollout.is_running(found) else _silent() for found in kept))
    leaving = [found for found in there if "deletionTimestamp" in found["metadata"]]
    return [Pod(found, state) for found, state in zip(kept, states, strict=True)], leaving


async def listed(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """The pods, as the API server has them."""
    return await cluster.list(POD, namespace, f"{names.DEPLOYMENT_LABEL}={name}")


async def _silent() -> None:
    return None


def owns(uid: str, child: Mapping[str, Any]) -> bool:
    """Whether the resource with this uid controls the child."""
    owners = child["metadata"].get("ownerReferences", [])
    return any(owner.get("controller") and owner["uid"] == uid for owner in owners)
