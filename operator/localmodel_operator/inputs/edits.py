"""Tells which events of a LocalModelDeployment are edits, so that a pass over the old spec can be cancelled.

It only saves time: without it an edit is found after the pass has ended.
"""

from collections.abc import Mapping
from typing import Any

from localmodel.cluster_records import names
from localmodel_operator.workqueue import Key


class Edits:
    def __init__(self) -> None:
        self._known: dict[Key, tuple[Any, ...]] = {}

    def is_new(self, key: Key, resource: Mapping[str, Any]) -> bool:
        """Whether the user's wishes differ from the last seen ones, and not only the status."""
        metadata = resource["metadata"]
        asked = metadata.get("annotations", {}).get(names.SERVE_ANNOTATION)
        current = (metadata["uid"], metadata.get("generation"), asked, metadata.get("deletionTimestamp"))
        before, self._known[key] = self._known.get(key), current
        return before != current
