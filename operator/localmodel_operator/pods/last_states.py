"""Keeps the last state that each pod's server has reported, which holds while it does not answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from localmodel_operator.pods import rollout_status
from localmodel_operator.pods.pod_state import PodState
from localmodel_operator.workqueue import Key


class LastStates:
    def __init__(self) -> None:
        self._of: dict[Key, dict[tuple[str, str], PodState]] = {}

    def update(self, key: Key, answers: Iterable[tuple[Mapping[str, Any], PodState | None]]) -> list[PodState | None]:
        """The last state of each pod of the resource, all of which are given; a restarted container has none yet."""
        before, current, last = self._of.get(key, {}), {}, []
        for pod, state in answers:
            who = (pod["metadata"]["uid"], rollout_status.container_id(pod))
            last.append(state or before.get(who))
            if known := last[-1]:
                current[who] = known
        self._of[key] = current
        return last

    def forget(self, key: Key) -> None:
        self._of.pop(key, None)
