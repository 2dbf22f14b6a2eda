"""The revisions of a deployment in a cluster: what the operator's ControllerRevisions say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from localmodel.disk import state_file
from localmodel.errors import UserError
from localmodel.plan import Facts
from localmodel.resource import schema
from localmodel.revision import Revision
from localmodel.targets.kind.kubectl import Kubectl, Object, items
from localmodel.targets.target import PastRevision

_GROUP = schema.API_VERSION.partition("/")[0]
FAILED = f"{_GROUP}/failed"


def records(kubectl: Kubectl, resource: Object) -> list[Object]:
    """The resource's ControllerRevisions, newest first, without those that others have written and are none."""
    metadata = resource["metadata"]
    labels = f"--selector={_GROUP}/deployment={metadata['name']}"
    inside = ["--namespace", metadata["namespace"]]
    found = items(kubectl.run("get", "controllerrevisions.apps", labels, *inside, "-o", "json"))
    own = [one for one in found if _owner(one) == metadata.get("uid") and _is_revision(one)]
    return sorted(own, key=lambda one: int(one["revision"]), reverse=True)


def of(kubectl: Kubectl, resource: Object) -> list[PastRevision]:
    """The resource's revisions, newest first."""
    now = resource.get("status", {}).get("revisions", {})
    return [_past(one, now) for one in records(kubectl, resource)]


def served_before(kubectl: Kubectl, resource: Object) -> int | None:
    """The revision that served before the one that does, as far as the operator has written that down."""
    return _decided(kubectl, resource, "before")[0]


def _decided(kubectl: Kubectl, resource: Object, *names: str) -> list[int | None]:
    """Numbers of revisions in the operator's decision, where they are there and may be read."""
    metadata = resource["metadata"]
    try:
        found = kubectl.find("configmap", f"{metadata['name']}-wanted", metadata["namespace"])
        decided = json.loads(found["data"]["wanted.json"]) if found else {}
        numbers = [decided[name] for name in names]
    except (UserError, LookupError, ValueError, TypeError, RecursionError):  # not everybody may read it
        return [None] * len(names)
    return [number if type(number) is int and number else None for number in numbers]


def locks(kubectl: Kubectl, resource: Object, found: Sequence[Object]) -> tuple[str, ...]:
    """Digests of the locks of revisions that have served, the last one first, as the operator has them.

    `found` are records().
    """
    by_number = {int(one["revision"]): one for one in found}
    served = [by_number[number] for number in _decided(kubectl, resource, "good", "before") if number in by_number]
    sound = [one for one in found if not one["metadata"].get("annotations", {}).get(FAILED)] if served else []
    return tuple(one["data"]["digests"]["lock"] for one in (*served, *sound))


def _owner(record: Object) -> str | None:
    owners = record["metadata"].get("ownerReferences", [])
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


@dataclass(frozen=True)
class _Data:
    """What is read of a record's data."""

    digests: Revision
    cause: str = ""
    code: str = ""
    models: tuple[str, ...] = ()
    facts: Mapping[str, Any] | None = None


def _is_revision(record: Object) -> bool:
    try:
        _past(record, {})
    except Exception:
        return False
    return True


def _past(record: Object, now: Mapping[str, int]) -> PastRevision:
    data, number, metadata = state_file.known(record["data"], _Data), int(record["revision"]), record["metadata"]
    facts = Facts.from_json(data.facts)
    known = {name: text.partition("@") for name, text in facts.models.items()} if facts else {}
    digests = {f"{name}:{version}": digest for name, (version, _, digest) in known.items()}
    return PastRevision(
        revision=number,
        created=metadata.get("creationTimestamp") or "",
        cause=data.cause,
        content=data.digests.content,
        code=data.code,
        models=digests or dict.fromkeys(data.models, ""),
        digests=asdict(data.digests),
        serving=number == now.get("serving"),
        durable=number == now.get("durable"),
        failed=metadata.get("annotations", {}).get(FAILED, ""),
    )
