"""Which events of a LocalModelDeployment are edits: a pass that is at work on what it was need not end first.

Only a convenience: without it an edit is found when the pass has ended.
"""

from collections.abc import Mapping
from typing import Any

from localmodel.cluster_records import names
from localmodel_operator.workqueue import Key


class Edits:
    def __init__(self) -> None:
        self._known: dict[Key, tuple[Any, ...]] = {}

    def is_new(self, key: Key, found: Mapping[str, Any]) -> bool:
        """Whether this is another wish than the last one seen, rather than another status."""
        metadata = found["metadata"]
        asked = metadata.get("annotations", {}).get(names.SERVE_ANNOTATION)
        now = (metadata["uid"], metadata.get("generation"), asked, metadata.get("deletionTimestamp"))
        before, self._known[key] = self._known.get(key), now
        return before != now
