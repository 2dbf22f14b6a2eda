"""What is to serve, written down before anything is done about it: the ConfigMap NAME-wanted, mounted in the pods.

Its epoch only grows, and a pod refuses calls with an older one: an operator that was replaced in the middle of a swap
cannot undo what its successor does. The API server's own version check keeps two operators from taking one epoch.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from localmodel import digests
from localmodel_operator import names
from localmodel_operator.cluster import Object
from localmodel_operator.history import Recorded

_BUNDLE_LIMIT = 700 * 1024  # a ConfigMap holds 1 MiB, and base64 takes a third more


@dataclass(frozen=True)
class Decision:
    """Revision `revision` is to serve. `committed`: it was proved, and pods that start behind must catch up.

    `good` is the last revision that was committed, `before` the one before that; `pin` is the text of a history.Pin.
    """

    epoch: int
    revision: int
    content: str
    environment: str
    committed: bool
    good: int | None = None
    before: int | None = None
    pin: str = ""

    def next(self, target: Recorded, pin: str, heard: int = 0) -> "Decision":
        """The decision after this one, for another revision.

        heard: the latest epoch that a pod has heard of. It is later than this one where somebody has deleted the
        ConfigMap.
        """
        content = target.revision.content
        return replace(
            self,
            epoch=max(self.epoch, heard) + 1,
            revision=target.number,
            content=content,
            environment=target.environment,
            committed=False,
            pin=pin,
        )

    def done(self) -> "Decision":
        """The same, committed."""
        before = self.before if self.good == self.revision else self.good
        return replace(self, committed=True, good=self.revision, before=before)


FIRST = Decision(0, 0, "", "", committed=False)


def name(owner: str) -> str:
    return f"{owner}-wanted"


def read(config_map: Mapping[str, Any] | None) -> Decision:
    """The decision that a ConfigMap holds; FIRST when there is none."""
    if config_map is None:
        return FIRST
    pin = config_map["metadata"].get("annotations", {}).get(names.PIN_ANNOTATION, "")
    return Decision(**json.loads(config_map["data"]["wanted.json"]), pin=pin)


def write(
    metadata: Object,
    decision: Decision,
    before: Mapping[str, Any] | None,
    gate: bytes | None = None,
    bundle: bytes | None = None,
) -> Object:
    """The ConfigMap, in the place of the one `before`, whose version it carries.

    gate: requests to pass before serving, as text. bundle: for pods that start behind; a large one is left out. None
    leaves either as it is; empty takes it away.
    """
    old = before or {"metadata": {}}
    told = {key: value for key, value in asdict(decision).items() if key != "pin"}
    data = {**old.get("data", {}), "wanted.json": digests.canonical_json(told).decode()}
    binary = dict(old.get("binaryData", {}))
    if gate is not None:
        data.pop("gate.json", None)
        data.update({"gate.json": gate.decode()} if gate else {})
    if bundle is not None:
        binary = {"bundle.tar": base64.b64encode(bundle).decode()} if 0 < len(bundle) <= _BUNDLE_LIMIT else {}
    annotations = {"annotations": {names.PIN_ANNOTATION: decision.pin}} if decision.pin else {}
    version = {key: old["metadata"][key] for key in ("resourceVersion",) if key in old["metadata"]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, **annotations, **version},
        "data": data,
        **({"binaryData": binary} if binary else {}),
    }
