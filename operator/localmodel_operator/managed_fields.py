"""Finds fields that others have set in our Deployment, from the managers that the API server records."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localmodel import reasons
from localmodel.cluster_records import names
from localmodel.cluster_records.pod_template import CONTAINER
from localmodel.reasons import Reason

_AUTOSCALER = "kube-controller-manager"  # runs HorizontalPodAutoscalers

Fields = Mapping[str, Any]  # as in metadata.managedFields: a name or a key -> the fields below it


@dataclass(frozen=True)
class ForeignFields:
    """Fields that others have set: those of our container, in words, and who has set the replicas."""

    container: tuple[str, ...] = ()
    scaled_by: str = ""

    @property
    def is_autoscaled(self) -> bool:
        return self.scaled_by == _AUTOSCALER


def read(deployment: Mapping[str, Any]) -> ForeignFields:
    """The fields of ours that others own; their annotations, labels and containers do not count."""
    entries = deployment["metadata"].get("managedFields", [])
    ours = [_spec(manager) for manager in entries if manager.get("manager") == names.FIELD_MANAGER]
    container: set[str] = set()
    scaled_by = ""
    for entry in entries:
        if entry.get("manager") == names.FIELD_MANAGER:
            continue
        spec = _spec(entry)
        for own in ours:
            spec = _beyond(spec, own)
        if "f:replicas" in spec:
            scaled_by = str(entry.get("manager"))
        container.update(_named(_below(spec, "f:template", "f:spec", "f:containers", _key(CONTAINER))))
    return ForeignFields(tuple(sorted(container)), scaled_by)


def has(child: Mapping[str, Any], field: str) -> bool:
    """Whether a field of its spec is the operator's, so that it goes where the operator leaves it out."""
    entries = child["metadata"].get("managedFields", [])
    return any(entry.get("manager") == names.FIELD_MANAGER and f"f:{field}" in _spec(entry) for entry in entries)


def news(name: str, written: ForeignFields) -> Iterator[tuple[Reason, str]]:
    """Reasons and messages about such fields, with the way out."""
    if written.container:
        what = ", ".join(written.container)
        yield (
            reasons.PUT_BACK,
            f"Deployment {name} was changed by others ({what}), and is put back: edit the resource instead",
        )
    if written.is_autoscaled:
        yield (
            reasons.SCALED_BY_OTHERS,
            f"a HorizontalPodAutoscaler scales Deployment {name}, and the operator scales it back: scale the resource, "
            f"not its Deployment (scaleTargetRef: kind LocalModelDeployment, name {name})",
        )
    elif written.scaled_by:
        yield (
            reasons.PUT_BACK,
            f"Deployment {name} was scaled by {written.scaled_by}, and is scaled back: scale the resource",
        )


def _spec(entry: Mapping[str, Any]) -> Fields:
    return _below(entry.get("fieldsV1") or {}, "f:spec")


def _below(fields: Fields, *path: str) -> Fields:
    for name in path:
        fields = fields.get(name) or {}
    return fields


def _beyond(theirs: Fields, ours: Fields) -> Fields:
    """The fields of `theirs` that are not also in `ours`."""
    return {
        name: below
        for name, child in theirs.items()
        if (below := _beyond(child, ours[name]) if name in ours else child) or name not in ours
    }


def _named(container: Fields) -> Iterator[str]:
    for name, below in container.items():
        if name == "f:env":
            yield from (f"env {json.loads(key[2:])['name']}" for key in below if key.startswith("k:"))
        elif name.startswith("f:"):
            yield name[2:]


def _key(name: str) -> str:
    return "k:" + json.dumps({"name": name}, separators=(",", ":"))
