"""What the files for every system have in common: how they are written, and what none of them can say."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from localmodel.resource.spec import DeploymentSpec, Variable


def yaml_of(document: dict[str, Any]) -> bytes:
    """The document as YAML, in the order of its fields."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120).encode()


def json_of(value: Any) -> bytes:
    """The value as JSON for a reader."""
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def of_the_operator(spec: DeploymentSpec) -> list[str]:
    """A note on each field that only an operator, or a target of this machine, acts on."""
    set_fields = {
        "spec.update.gate": spec.gate is not None and "its requests are asked by lmd and the operator alone",
        "spec.update.replay": spec.replay and "captured requests are asked by lmd and the operator alone",
        "spec.models[].refresh": any(model.refresh for model in spec.models)
        and "the image has the model as it is now; export again for a newer one",
        "spec.service.expose": spec.expose in ("Ingress", "Gateway")
        and "what leads there is left to the other system; the server knows neither host nor path",
        "spec.suspend": spec.suspend and "it is not suspended where these files are applied",
    }
    return [f"{field}: {text}" for field, text in set_fields.items() if text]


def of_references(variables: Sequence[Variable]) -> list[str]:
    """A note on each variable whose value lies in an object of the cluster."""
    return [
        f"spec.env: {variable.name} comes from the {reference.kind} {reference.name}: the namespace must have it"
        for variable in variables
        if (reference := variable.value_from)
    ]


class _Dumper(yaml.SafeDumper):
    """Writes a value that stands twice out twice, because a manifest with anchors is hard to read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
