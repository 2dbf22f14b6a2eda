"""Bundles of a recorded revision, for warm swaps."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.store import ModelVersion, Store
from localmodel.updates import image, revision
from localmodel_operator.operator import Operator
from localmodel_operator.pods import pods
from localmodel_operator.pods.bundle import BundleArchive, describe
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.history import RecordedRevision

log = logging.getLogger(__name__)

Content = tuple[Mapping[str, bytes], Sequence[ModelVersion]]  # code and models


class Bundles:
    """The bundle of one revision for each pod, because pods lack different models and have different variables."""

    def __init__(
        self, operator: Operator, target: RecordedRevision, gate: Sequence[Mapping[str, Any]], content: Content
    ) -> None:
        self._operator, self._target, self._gate = operator, target, gate
        self._code, self._models = content
        self._made: dict[Any, BundleArchive] = {}

    @classmethod
    async def of(
        cls, operator: Operator, target: RecordedRevision, gate: Sequence[Mapping[str, Any]]
    ) -> "Bundles | None":
        """The bundles, or None if what the revision was made of does not exist any more."""
        content = await asyncio.to_thread(_content, operator.layout, operator.store, target)
        return None if content is None else cls(operator, target, gate, content)

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


def _content(layout: Layout, store: Store, target: RecordedRevision) -> Content | None:
    """The revision's code, which is in its image, and its models in the store, or None if they are not there any more.

    Another store can have another model under the same name and version.
    """
    composed = image.stored(layout, target.image)
    if composed is None:
        return None
    code = image.code(layout, composed)
    try:
        models = [store.models.find(reference) for reference in target.models]
    except UserError as error:
        log.info("revision %d: its models are not in the store: %s", target.number, error)
        return None
    if revision.bundle_digest(revision.code_digest(target.entry, code), models) != target.revision.bundle:
        log.info("revision %d: the store has other models of these names and versions", target.number)
        return None
    return code, models
