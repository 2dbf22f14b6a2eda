"""What is to serve, written down before anything is done about it: the ConfigMap NAME-wanted, mounted in the pods.

Its epoch only grows, and a pod refuses calls with an older one: an operator that was replaced in the middle of a swap
cannot undo what its successor does. The API server's own version check keeps two operators from taking one epoch.

Others may write ConfigMaps, too. So the decision is signed, and neither pods nor the operator obey one that is not.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from localmodel import digests
from localmodel.cluster_records import names
from localmodel.cluster_records.decision import BUNDLE, DECISION, GATE, SIGNATURE
from localmodel.disk import state_file
from localmodel_operator.cluster import Object
from localmodel_operator.records.history import RecordedRevision
from localmodel_operator.records.keys import Signer
from localmodel_operator.records.pin import ObservedSpec, Pin
from localmodel_untrusted import json_text

PURPOSE = "localmodel.dev/decision"  # of the signature; the scoring server knows it

_MOST_NUMBER = 2**53  # what every reader of JSON keeps exactly
_BUNDLE_LIMIT = 700 * 1024  # a ConfigMap holds 1 MiB, and base64 takes a third more


@dataclass(frozen=True)
class Decision:
    """Revision `revision` is to serve. `committed`: it was proved, and pods that start behind must catch up.

    `good` is the last revision that was committed, `before` the one before that, `served` all that were and are kept;
    `newest` is the highest number that a revision has had. `pin` is the text of a pin.Pin; `inputs` and `generation`
    are what was seen last of the user's decisions.
    """

    epoch: int
    revision: int
    content: str
    environment: str
    committed: bool
    good: int | None = None
    before: int | None = None
    pin: str = ""
    inputs: str = ""
    generation: int = 0
    served: tuple[int, ...] = ()
    newest: int = 0

    @property
    def observed_spec(self) -> ObservedSpec:
        return ObservedSpec(self.inputs, self.generation)

    def with_spec(self, spec: ObservedSpec, pin: Pin | None) -> "Decision":
        """The same, with the user's wishes as they are now; a new generation with equal wishes changes nothing."""
        text = pin.text() if pin else ""
        return self if (self.inputs, self.pin) == (spec.inputs, text) else replace(self, pin=text, **asdict(spec))

    def with_history(self, history: Sequence[RecordedRevision]) -> "Decision":
        """The same, without revisions that are not kept any more, and with the highest number of those that are."""
        kept = {each.number: each for each in history}
        # Before that was written down, or where it was lost: what has not failed may have served.
        served = self.served or tuple(number for number in kept if not kept[number].failed)
        return replace(self, served=tuple(each for each in served if each in kept), newest=max((self.newest, *kept)))

    def next(self, target: RecordedRevision, heard: int = 0) -> "Decision":
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
            newest=max(self.newest, target.number),
        )

    def as_committed(self) -> "Decision":
        """The same, committed."""
        before = self.before if self.good == self.revision else self.good
        served = (*(each for each in self.served if each != self.revision), self.revision)
        return replace(self, committed=True, good=self.revision, before=before, served=served)


FIRST = Decision(0, 0, "", "", committed=False)


def owner_of(owner: Mapping[str, Any]) -> str:
    """Which LocalModelDeployment a decision is about; a later one of the same name has another uid."""
    metadata = owner["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}/{metadata['uid']}"


def read(config_map: Mapping[str, Any] | None, owner: str, signer: Signer) -> Decision | None:
    """The decision that a ConfigMap holds about this owner; None when it holds none that the operator has signed.

    Its gate and its bundle are part of it: with others in their place it is not the operator's any more.
    """
    if config_map is None:
        return None
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    text = data.get(DECISION, "")
    if not signer.has_signed(PURPOSE, text.encode(), data.get(SIGNATURE, "")):
        return None
    told = json.loads(text)
    beside = {"gate": _digest(data.get(GATE, "").encode()), "bundle": _digest(_decoded(binary.get(BUNDLE, "")))}
    if told["owner"] != owner or any(told[name] != digest for name, digest in beside.items()):
        return None
    return state_file.known(told, Decision)


def read_unsigned(config_map: Mapping[str, Any]) -> Decision | None:
    """The decision of an operator that did not sign; None when it cannot be understood."""
    pin = config_map["metadata"].get("annotations", {}).get(names.PIN_ANNOTATION, "")
    try:
        told = json_text.parse(config_map["data"][DECISION].encode())
        found = replace(state_file.known(told, Decision), pin=pin)
        if pin:
            state_file.typed(json_text.parse(pin.encode()), Pin)
    except Exception:
        return None
    numbers = (found.epoch, found.revision, found.good or 1, found.before or 1)
    return found if all(0 < each <= _MOST_NUMBER for each in numbers) else None


def lost(status: Mapping[str, Any], asked: str | None) -> Decision:
    """The decision to go on with where there is none, or none that can be believed: the status says what serves.

    asked: the value of the annotation that asks for a revision. One that does not serve was ended by an edit.
    """
    serving = status.get("revisions", {}).get("serving")
    is_ended = asked is not None and serving is not None and asked.split()[:1] != [str(serving)]
    return replace(FIRST, good=serving, pin=Pin(asked or "", "").text() if is_ended else "")


def write(
    metadata: Object,
    owner: str,
    signer: Signer,
    decision: Decision,
    before: Mapping[str, Any] | None,
    gate: bytes | None = None,
    bundle: bytes | None = None,
) -> Object:
    """The signed ConfigMap, in the place of the one `before`, whose version it carries.

    gate: requests to pass before serving, as text. bundle: for pods that start behind; a large one is left out. None
    leaves either as it is; empty takes it away.
    """
    old = before or {"metadata": {}}
    if gate is None:
        gate = old.get("data", {}).get(GATE, "").encode()
    if bundle is None:
        bundle = _decoded(old.get("binaryData", {}).get(BUNDLE, ""))
    if len(bundle) > _BUNDLE_LIMIT:
        bundle = b""
    told = {**asdict(decision), "owner": owner, "gate": _digest(gate), "bundle": _digest(bundle)}
    text = digests.canonical_json(told)
    data = {DECISION: text.decode(), SIGNATURE: signer.sign(PURPOSE, text)}
    version = {key: old["metadata"][key] for key in ("resourceVersion",) if key in old["metadata"]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, **version},
        "data": {**data, GATE: gate.decode()} if gate else data,
        **({"binaryData": {BUNDLE: base64.b64encode(bundle).decode()}} if bundle else {}),
    }


def _digest(content: bytes) -> str:
    return digests.of_bytes(content) if content else ""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
