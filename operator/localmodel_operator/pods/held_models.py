"""The models that pods have been sent, as files that their nodes have already."""

import re
from collections.abc import Iterable

from localmodel.updates.held import Held
from localmodel.updates.revision import APP_ROOT, MODELS_FOLDER
from localmodel_operator.cluster import Object
from localmodel_operator.pods import pods
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.history import RecordedRevision

STATE_VOLUME = "state"  # in which a server keeps what it is sent

_FOLDER = "/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~empty-dir/" + STATE_VOLUME
_MODEL = re.compile(r"([^:@,/]+):([^:@,/]+)@sha256:([0-9a-f]{64})")


def held_models(observed: Iterable[Pod], target: RecordedRevision) -> dict[str, Held]:
    """Which of the revision's models a pod on each node has been sent, by the node's name."""
    models = _models(target.template)
    held: dict[str, Held] = {}
    for pod in observed:
        node, has = pod.object["spec"].get("nodeName"), pod.state.models if pod.state else ()
        of_image = _models(pod.object).values()
        places = {
            f"{APP_ROOT}/{MODELS_FOLDER}/{inside}/".lstrip("/"): f"models/{digest}/"
            for inside, digest in models.items()
            if f"sha256:{digest}" in has and digest not in of_image
        }
        if node and len(places) > len(held[node].places if node in held else ()):
            held[node] = Held(_FOLDER.format(uid=pod.object["metadata"]["uid"]), places)
    return held


def _models(template: Object) -> dict[str, str]:
    """The models in the image of a pod or a template: where they are below the models' folder, and their digests."""
    text = next((entry.get("value", "") for entry in pods.variables(template) if entry["name"] == pods.MODELS), "")
    return {f"{name}/{version}": digest for name, version, digest in _MODEL.findall(text)}
