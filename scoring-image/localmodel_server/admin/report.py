"""The answer of /state: all that the operator needs to know about a pod."""

from __future__ import annotations

from typing import Any

from localmodel_server.admin.revisions import Revisions
from localmodel_server.admin.settings import AdminSettings
from localmodel_server.admin.swaps import Swaps
from localmodel_server.error_rate import Tally
from localmodel_server.life.loader import Loader
from localmodel_server.state import ServerState

_PROTOCOL = 1


def report(
    settings: AdminSettings, state: ServerState, loader: Loader, revisions: Revisions, swaps: Swaps
) -> dict[str, Any]:
    """What the pod serves or loads, what it holds, and how its answers have been."""
    unready = state.unready_reason()
    pool = state.dispatcher.pool
    rate = state.metrics.error_rate
    order, prepared = swaps.order, swaps.prepared
    return {
        "protocol": _PROTOCOL,
        "epoch": swaps.serves.epoch,
        "heard": swaps.newest,
        "revision": swaps.serves.revision,
        "content": swaps.serves.content,
        "environment": settings.environment,
        "serving": unready is None,
        "unready": unready,
        "loading": loader.is_loading,
        "on_hold": swaps.on_hold,
        "preparing": None if order is None or prepared is not None else order._asdict(),
        "prepared": None if order is None or prepared is None else order._asdict(),
        "trial": swaps.beside.report(),
        "parked": loader.park.content,
        "held": sorted({revisions.image.content, *revisions.folder.contents}),
        "models": revisions.folder.models,
        "since_switch": _as_object(rate.since),
        "before_switch": _as_object(rate.before),
        "recent": _as_object(rate.recent),
        "failure": swaps.failure or state.dispatcher.load_error,
        "replayed": None if swaps.replayed is None else swaps.replayed.as_json(),
        "killed_for_memory": 0 if pool is None else pool.killed_for_memory,
        "how": None if pool is None else pool.how,
    }


def _as_object(tally: Tally) -> dict[str, Any]:
    return {"requests": tally.requests, "failed": tally.failed, "seconds": round(tally.seconds, 3)}
