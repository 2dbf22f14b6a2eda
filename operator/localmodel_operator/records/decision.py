"""The decision on what serves, recorded before it is carried out, in the ConfigMap NAME-wanted that pods mount.

Its epoch only grows, and pods refuse calls with an older one, so that an operator that was replaced during a swap
cannot undo what its successor does. The API server's version check prevents that two operators take the same epoch.

Others may write ConfigMaps, too, so the decision is signed, and neither pods nor the operator obey an unsigned one.
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

PURPOSE = "localmodel.dev/decision"  # of the signature, which the scoring server checks

_MOST_NUMBER = 2**53  # the largest number that every JSON reader keeps exactly
_BUNDLE_LIMIT = 700 * 1024  # a ConfigMap holds 1 MiB, and base64 takes a third more


@dataclass(frozen=True)
class Decision:
    """The decision that `revision` is to serve. If `committed`, it was proved, and pods that start later must catch up.

    `hold`: pods that start with it stay unready until they are told to serve, because something is to be asked first.
    `good` is the last committed revision, `before` the one before it, `served` all committed ones that are kept, and
    `newest` the highest number of a revision so far. `pin` is the text of a `pin.Pin`; `inputs` and `generation` are
    the last seen ones of the user. `trial` is the text of a `trials.record.Record`.
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
    trial: str = ""
    hold: bool = False

    @property
    def observed_spec(self) -> ObservedSpec:
        return ObservedSpec(self.inputs, self.generation)

    def with_spec(self, spec: ObservedSpec, pin: Pin | None) -> "Decision":
        """The same decision with the current wishes; a new generation with equal wishes changes nothing."""
        text = pin.text() if pin else ""
        return self if (self.inputs, self.pin) == (spec.inputs, text) else replace(self, pin=text, **asdict(spec))

    def with_history(self, history: Sequence[RecordedRevision]) -> "Decision":
        """The same decision without removed revisions, and with the highest number of the kept ones."""
        kept = {revision.number: revision for revision in history}
        # If it was never recorded, or was lost, any revision that has not failed may have served.
        served = self.served or tuple(number for number in kept if not kept[number].failed)
        return replace(
            self, served=tuple(number for number in served if number in kept), newest=max((self.newest, *kept))
        )

    def next(self, target: RecordedRevision, heard: int = 0, *, hold: bool = False) -> "Decision":
        """The next decision, for another revision.

        `heard` is the latest epoch that a pod knows, which is later if somebody has deleted the ConfigMap.
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
            hold=hold,
        )

    def as_committed(self) -> "Decision":
        """The same decision, committed."""
        before = self.before if self.good == self.revision else self.good
        served = (*(number for number in self.served if number != self.revision), self.revision)
        return replace(self, committed=True, hold=False, good=self.revision, before=before, served=served)


FIRST = Decision(0, 0, "", "", committed=False)


def owner_of(owner: Mapping[str, Any]) -> str:
    """The identity of the LocalModelDeployment of a decision, with its uid, because another may get its name."""
    metadata = owner["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}/{metadata['uid']}"


def read(config_map: Mapping[str, Any] | None, owner: str, signer: Signer) -> Decision | None:
    """The signed decision about this owner in a ConfigMap, or None.

    The signature includes its gate and its bundle.
    """
    if config_map is None:
        return None
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    text = data.get(DECISION, "")
    if not signer.has_signed(PURPOSE, text.encode(), data.get(SIGNATURE, "")):
        return None
    content = json.loads(text)
    beside = {"gate": _digest(data.get(GATE, "").encode()), "bundle": _digest(_decoded(binary.get(BUNDLE, "")))}
    if content["owner"] != owner or any(content[name] != digest for name, digest in beside.items()):
        return None
    return state_file.known(content, Decision)


def read_unsigned(config_map: Mapping[str, Any]) -> Decision | None:
    """The decision of an operator that did not sign, or None if it cannot be read."""
    pin = config_map["metadata"].get("annotations", {}).get(names.PIN_ANNOTATION, "")
    try:
        content = json_text.parse(config_map["data"][DECISION].encode())
        decision = replace(state_file.known(content, Decision), pin=pin)
        if pin:
            state_file.typed(json_text.parse(pin.encode()), Pin)
    except Exception:
        return None
    numbers = (decision.epoch, decision.revision, decision.good or 1, decision.before or 1)
    return decision if all(0 < number <= _MOST_NUMBER for number in numbers) else None


def lost(status: Mapping[str, Any], asked: str | None) -> Decision:
    """The decision to use if there is none, or none that is signed, from the serving revision in the status.

    `asked` is the value of the annotation that asks for a revision. If that does not serve, an edit has ended it.
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
    """The signed ConfigMap that replaces the one `before`, with its resource version.

    `gate` are the requests to pass before serving, as text; `bundle` is for pods that start later, and is left out if
    it is large. None leaves either as it is; an empty value removes it.
    """
    old = before or {"metadata": {}}
    if gate is None:
        gate = old.get("data", {}).get(GATE, "").encode()
    if bundle is None:
        bundle = _decoded(old.get("binaryData", {}).get(BUNDLE, ""))
    if len(bundle) > _BUNDLE_LIMIT:
        bundle = b""
    content = {**asdict(decision), "owner": owner, "gate": _digest(gate), "bundle": _digest(bundle)}
    text = digests.canonical_json(content)
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
