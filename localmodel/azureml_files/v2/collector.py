"""v2: `data_collector` is `spec.capture`."""

import math
from collections.abc import Mapping
from typing import Any

from localmodel.azureml_files.document import Node
from localmodel.azureml_files.fields import refusal

_ANSWERS = ("response", "model_outputs")


def capture(collector: Node | None) -> dict[str, Any]:
    """`spec.capture`; empty if no collection is enabled.

    Raises:
        UserError: AzureFieldRefused.
    """
    if collector is None or not (enabled := _enabled(collector.find("collections"))):
        return {}
    captured: dict[str, Any] = {"percent": _percent(collector.find("sampling_rate"))}
    if not enabled & {*_ANSWERS}:
        captured["answers"] = False
    if headers := _headers(collector.find("request_logging.capture_headers")):
        captured["headers"] = headers
    return captured


def write(capture: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The field for what `spec.capture` says, and notes on what it cannot say."""
    if not capture:
        return {}, []
    if capture["redact"]:
        return {}, [
            "spec.capture: Azure ML's data collector would keep what spec.capture.redact names, so none is written"
        ]
    names = ["request", *(["response"] if capture["answers"] else [])]
    field = {
        "collections": {name: {"enabled": "True"} for name in names},
        "sampling_rate": capture["percent"] / 100,
        **({"request_logging": {"capture_headers": list(capture["headers"])}} if capture["headers"] else {}),
    }
    return {"data_collector": field}, []


def _enabled(collections: Node | None) -> set[str]:
    """The names of the collections that are enabled."""
    if collections is None:
        return set()
    if not isinstance(collections.value, dict):
        raise refusal(collections.problem("fields expected, one for each collection"))
    flags = {name: collection.find("enabled") for name, collection in collections.items()}
    return {name for name, flag in flags.items() if flag is not None and flag.text.lower() == "true"}


def _percent(rate: Node | None) -> int:
    """The whole percentage, at least 1 for a rate above 0; all without a rate."""
    if rate is None:
        return 100
    try:
        share = float(rate.text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise refusal(rate.problem(f"{rate.text} is not a number from 0 to 1"))
    return math.ceil(round(share * 100, 6))


def _headers(names: Node | None) -> list[str]:
    if names is None:
        return []
    if not isinstance(names.value, list) or any(isinstance(name.value, dict | list) for name in names.value):
        raise refusal(names.problem("a list of names expected"))
    return list(dict.fromkeys(name.text for name in names.value))
