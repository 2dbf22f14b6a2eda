"""Bundles of a recorded revision, for warm swaps."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from localmodel.updates import image
from localmodel_operator.operator import Operator
from localmodel_operator.pods import pods
from localmodel_operator.pods.bundle import BundleArchive, describe
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.history import RecordedRevision


class Bundles:
    """The bundle of one revision for each pod, because pods lack different models and have different variables."""

    def __init__(self, operator: Operator, target: RecordedRevision, gate: Sequence[Mapping[str, Any]]) -> None:
        self._operator, self._target, self._gate = operator, target, gate
        self._code: Mapping[str, bytes] = {}
        self._models = [operator.store.models.find(reference) for reference in target.models]
        self._made: dict[Any, BundleArchive] = {}

    @classmethod
    async def of(
        cls, operator: Operator, target: RecordedRevision, gate: Sequence[Mapping[str, Any]]
    ) -> "Bundles | None":
        """The bundles, or None if the revision's image, which has its code, does not exist any more."""
        composed = await asyncio.to_thread(image.stored, operator.layout, target.image)
        if composed is None:
            return None
        bundles = cls(operator, target, gate)
        bundles._code = await asyncio.to_thread(image.code, operator.layout, composed)
        return bundles

    def for_pod(self, pod: Pod) -> BundleArchive:
        """The bundle for this pod."""
        has = pod.state.models if pod.state else frozenset()
        lacks = {model.digest: model.weights.digest for model in self._models if model.digest not in has}
        overlay = pods.overlay(pod, self._target)
        key = (*lacks, *sorted(name for name in overlay if overlay[name] is None))
        if key not in self._made:
            target, path = self._target, self._operator.store.layout.path
            content, environment = target.revision.content, target.environment
            description = describe(target.number, content, environment, target.entry, self._models, overlay)
            archives = {digest: path(weights) for digest, weights in lacks.items()}
            self._made[key] = BundleArchive(description, self._code, archives, self._gate)
        return self._made[key]

    def for_later(self, pod: Pod | None) -> bytes:
        """The bundle without models, if it is small, for pods that start with the template of this one."""
        if pod is None:
            return b""
        bundle = self.for_pod(pod)
        return b"" if bundle.has_models else b"".join(bundle.chunks())
