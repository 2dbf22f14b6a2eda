"""Events of a LocalModelDeployment: told where Ready gets another reason; the same again is counted, not repeated."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localmodel import digests, reasons
from localmodel.output.printable import printable
from localmodel.reasons import Reason
from localmodel_operator.status import conditions
from localmodel_operator.status.builder import StatusBuilder

_MESSAGE_LIMIT = 1024  # of core/v1 Event.message


def is_news(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    old, new = conditions.find(before, "Ready"), conditions.find(after, "Ready")
    if new["reason"] == reasons.PROGRESSING:
        return False
    changed = (
        old.get("reason") != new["reason"] or old.get("status") != new["status"] or _stalled(before) != _stalled(after)
    )
    return bool(changed or (new["status"] == "False" and old.get("message") != new["message"]))


def _stalled(status: Mapping[str, Any]) -> bool:
    return any(condition["type"] == "Stalled" for condition in status.get("conditions", []))


def event(owner: Mapping[str, Any], status: StatusBuilder) -> dict[str, Any]:
    """The Event that tells what `status` sums up to."""
    return _event(owner, "Warning" if status.stalled else "Normal", status.reason, status.message)


def warning(owner: Mapping[str, Any], reason: Reason, message: str) -> dict[str, Any]:
    """An Event about something beside Ready."""
    return _event(owner, "Warning", reason, message)


def _event(owner: Mapping[str, Any], kind: str, reason: Reason, message: str) -> dict[str, Any]:
    """Equal news of one resource have equal names."""
    metadata = owner["metadata"]
    digest = digests.of_json([metadata["uid"], kind, reason, message]).removeprefix("sha256:")[:12]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{digest}", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": kind,
        "reason": reason,
        "message": printable(message)[:_MESSAGE_LIMIT],
        "source": {"component": "localmodel-operator"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def again(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The Event `earlier`, told once more."""
    return {**earlier, "lastTimestamp": now["lastTimestamp"], "count": earlier.get("count", 1) + 1}
