"""Captured requests as CloudEvents, with the types and extensions of KServe's logger: two events for each request."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

_TYPE = "org.kubeflow.serving.inference"
_JSON = "application/json"

Record = Mapping[str, Any]


def lines(records: Sequence[Record], name: str) -> bytes:
    """The events in JSON, one in a line."""
    events = (event for record in records for event in _events(record, name))
    return b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)


def _events(record: Record, name: str) -> Iterator[dict[str, Any]]:
    asked = datetime.fromisoformat(record["time"])
    answered = asked + timedelta(milliseconds=record["ms"])
    request = record["headers"].get("content-type", "") or _JSON
    yield {**_event(record, name, "request", asked), **_data(record, "body", request)}
    if "answer" in record or "answer_base64" in record:
        answer = record["answer_type"] or _JSON
        yield {**_event(record, name, "response", answered), **_data(record, "answer", answer)}


def _event(record: Record, name: str, what: str, time: datetime) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": record["id"],
        "source": f"/localmodel/{name}",
        "type": f"{_TYPE}.{what}",
        "time": time.isoformat(timespec="microseconds"),
        "inferenceservicename": name,
        "component": "predictor",
        "endpoint": record["path"],
        "revision": record["revision"],
        **({"status": record["status"]} if what == "response" else {}),
    }


def _data(record: Record, field: str, content_type: str) -> dict[str, Any]:
    """The content as CloudEvents has it: JSON as it is, other text as text, everything else in base64."""
    if f"{field}_base64" in record:
        return {"datacontenttype": content_type, "data_base64": record[f"{field}_base64"]}
    if field not in record:
        return {}
    text = record[field]
    if "json" in content_type:
        try:
            value = json_text.parse(text.encode())
            json.dumps([[value]])  # which the event will be, at least
            return {"datacontenttype": content_type, "data": value}
        except (UnreadableError, RecursionError):  # a request that was refused, or a number that JSON does not have
            content_type = "text/plain"
    return {"datacontenttype": content_type, "data": text}
