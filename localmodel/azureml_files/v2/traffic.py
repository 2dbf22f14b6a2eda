"""v2: an endpoint's `traffic` and `mirror_traffic` say how the deployment is tried: a canary, or a shadow."""

from typing import Any

from localmodel.azureml_files.document import Node
from localmodel.azureml_files.fields import refusal, text

# Azure ML leaves it as it is until somebody changes it.
_CANARY_SECONDS, _SHADOW_SECONDS = 60, 600


def update(deployment: Node, endpoint: Node | None) -> tuple[dict[str, Any], list[str]]:
    """The fields of `spec.update`, and notes on what they say more than Azure ML's.

    Raises:
        UserError: AzureFieldRefused.
    """
    own = text(deployment.find("name"))
    if endpoint is None or own is None:
        return {}, []
    fields: dict[str, Any] = {}
    notes: list[str] = []
    if (mirrored := _share(endpoint, "mirror_traffic", own)) is not None:
        node, percent = mirrored
        fields["shadow"] = {"percent": percent, "seconds": _SHADOW_SECONDS}
        if (served := _share(endpoint, "traffic", own)) is None or served[1] == 100:
            notes.append(node.problem(f"it serves after {_SHADOW_SECONDS} s, unless its answers differ or fail"))
    if (split := _share(endpoint, "traffic", own)) is not None and split[1] < 100:
        steps = [{"percent": split[1], "seconds": _CANARY_SECONDS}]
        fields["canary"] = {"steps": steps, "promote": "Manual"}
    return fields, notes


def _share(endpoint: Node, field: str, deployment: str) -> tuple[Node, int] | None:
    """The deployment's share in percent, unless it has none."""
    shares = endpoint.find(field)
    share = next((node for name, node in shares.items() if name == deployment), None) if shares else None
    if share is None or share.value is None:
        return None
    if not share.text.isdecimal() or not 0 <= int(share.text) <= 100:
        raise refusal(share.problem(f"{share.text} is not a whole number from 0 to 100"))
    return (share, int(share.text)) if int(share.text) else None
