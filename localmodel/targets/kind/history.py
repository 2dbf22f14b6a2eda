"""The revisions of a deployment in a cluster, read from the operator's records."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from localmodel.cluster_records import decision, revisions
from localmodel.cluster_records.decision import Served
from localmodel.cluster_records.ownership import owns
from localmodel.cluster_records.revisions import RevisionData
from localmodel.errors import UserError
from localmodel.targets.kind.kubectl import Kubectl, Object, items
from localmodel.targets.target import PastRevision
from localmodel.updates.plan import Facts


def records(kubectl: Kubectl, resource: Object) -> list[Object]:
    """The resource's readable ControllerRevisions, newest first."""
    metadata = resource["metadata"]
    labels = f"--selector={revisions.selector(metadata['name'])}"
    inside = ["--namespace", metadata["namespace"]]
    revisions_found = items(kubectl.run("get", "controllerrevisions.apps", labels, *inside, "-o", "json"))
    own = [record for record in revisions_found if owns(metadata.get("uid", ""), record) and _is_revision(record)]
    return sorted(own, key=lambda record: int(record["revision"]), reverse=True)


def of(kubectl: Kubectl, resource: Object) -> list[PastRevision]:
    """The resource's revisions, newest first."""
    now = resource.get("status", {}).get("revisions", {})
    return [_past(record, now) for record in records(kubectl, resource)]


def facts(kubectl: Kubectl, resource: Object, revision: int) -> Facts | None:
    """What the operator has recorded of a revision."""
    data = recorded(kubectl, resource, revision)
    return Facts.from_json(data.facts) if data else None


def recorded(kubectl: Kubectl, resource: Object, revision: int) -> RevisionData | None:
    """All that the operator has recorded of a revision."""
    return next((revisions.read(one) for one in records(kubectl, resource) if int(one["revision"]) == revision), None)


def served_before(kubectl: Kubectl, resource: Object) -> int | None:
    """The revision that served before the one that serves now, if the operator has recorded it."""
    return _served(kubectl, resource).before


def _served(kubectl: Kubectl, resource: Object) -> Served:
    metadata = resource["metadata"]
    try:
        return decision.served(
            kubectl.find("configmap", decision.config_map_name(metadata["name"]), metadata["namespace"])
        )
    except UserError:  # not every user may read it
        return Served()


def locks(kubectl: Kubectl, resource: Object, records_found: Sequence[Object]) -> tuple[str, ...]:
    """Digests of the locks of revisions that have served, the last one first, as the operator has them.

    `records_found` is the result of `records()`.
    """
    by_number = {int(record["revision"]): record for record in records_found}
    served = [by_number[number] for number in _served(kubectl, resource) if number in by_number]
    sound = [record for record in records_found if not revisions.failure(record)] if served else []
    return tuple(record["data"]["digests"]["lock"] for record in (*served, *sound))


def _is_revision(record: Object) -> bool:
    try:
        _past(record, {})
    except Exception:
        return False
    return True


def _past(record: Object, now: Mapping[str, int]) -> PastRevision:
    data, number = revisions.read(record), int(record["revision"])
    facts = Facts.from_json(data.facts)
    known = {name: text.partition("@") for name, text in facts.models.items()} if facts else {}
    digests = {f"{name}:{version}": digest for name, (version, _, digest) in known.items()}
    return PastRevision(
        revision=number,
        created=record["metadata"].get("creationTimestamp") or "",
        cause=data.cause,
        content=data.digests.content,
        code=data.code,
        models=digests or dict.fromkeys(data.models, ""),
        digests=asdict(data.digests),
        serving=number == now.get("serving"),
        durable=number == now.get("durable"),
        failed=revisions.failure(record),
        trial_failed=revisions.trial_failure(record),
    )
