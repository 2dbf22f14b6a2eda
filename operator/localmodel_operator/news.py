"""Has resources looked at for what a watch shows of them and of their children: at once, or behind what is news.

A watch begins with a list of all that there is, of which little is news. It only saves time: a pass finds everything.
"""

import asyncio
import random
from collections.abc import Collection, Mapping
from typing import Any

from localmodel.cluster_records import names
from localmodel_operator.passes import at_rest
from localmodel_operator.workqueue import Key, WorkQueue

# What a person asks without an edit.
_ASKING = (names.SERVE_ANNOTATION, names.PROMOTE_ANNOTATION, names.ABORT_ANNOTATION)
LISTED = None  # the type of an event that only says that an object is there


class News:
    """What a watch shows, after a first list of its own."""

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue
        self._to_come = 0
        self._shown = asyncio.Event()
        self._shown.set()
        self._known: dict[Key, tuple[Any, ...]] = {}
        self._resting = set[Key]()

    def of_first_list(self, resources: Collection[Mapping[str, Any]]) -> None:
        """Have the edited ones of some resources looked at, before a watch shows them among all others."""
        self._to_come += len(resources)
        if resources:
            self._shown.clear()
        for resource in resources:
            key = (resource["metadata"]["namespace"], resource["metadata"]["name"])
            if self._is_edit(key, resource):
                self._queue.overtake(key)

    def of_resource(self, key: Key, kind: str | None, resource: Mapping[str, Any]) -> None:
        """Follow an event of a LocalModelDeployment. An edit cancels a pass over the old spec."""
        queue, is_edit = self._queue, self._is_edit(key, resource)
        was_resting = key in self._resting
        self._note_shown(kind is LISTED)
        self._resting.discard(key)
        if kind == "DELETED":
            self._known.pop(key, None)
            queue.overtake(key)
        elif at_rest.is_at_rest(resource):
            self._resting.add(key)
            if not was_resting:
                queue.add_after(at_rest.LOOK_AGAIN * random.random(), key)  # noqa: S311 - spreads load, guards nothing
        elif is_edit:
            queue.overtake(key)
        elif kind is LISTED:
            queue.look_again(key)
        else:
            queue.add(key)  # a status that was written is an event, too

    def _note_shown(self, count: int) -> None:
        self._to_come -= count
        if self._to_come <= 0:
            self._shown.set()

    async def have_been_shown(self) -> None:
        """Wait until the first list of resources has been gone through."""
        await self._shown.wait()

    def of_child(self, key: Key, kind: str | None, child: str = "") -> None:
        """Follow an event of a child of this kind, whose owner has the key."""
        if kind is not LISTED:
            self._queue.add(key)
        elif child == "Pod" or (key in self._known and key not in self._resting):
            self._queue.look_again(key)  # else its owner is listed, too, or has no use for a look

    def _is_edit(self, key: Key, resource: Mapping[str, Any]) -> bool:
        """Whether the user's wishes differ from the last seen ones, or from the status of one that was never seen."""
        metadata = resource["metadata"]
        generation, ends = metadata.get("generation"), metadata.get("deletionTimestamp")
        asked = [metadata.get("annotations", {}).get(name) for name in _ASKING]
        current = (metadata["uid"], generation, asked, ends)
        before = self._known.get(key)
        if before and before[0] == current[0] and before[1] > current[1]:
            return False  # a list that began before the edit was seen
        self._known[key] = current
        if before is None:
            return bool(ends or resource.get("status", {}).get("observedGeneration") != generation)
        return before != current
