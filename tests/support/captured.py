"""Lines that a server writes of requests that it captures."""

import json
from typing import Any

RECORD: dict[str, Any] = {
    "id": "a-1",
    "time": "2026-01-01T00:00:00.250000+00:00",
    "revision": "3",
    "models": "digits:1@sha256:0",
    "dialect": "azure",
    "method": "POST",
    "path": "/score",
    "query": "",
    "headers": {"content-type": "application/json"},
    "body": '{"data": [1]}',
    "status": 200,
    "answer_type": "application/json",
    "answer": "[2]",
    "ms": 1.5,
}


def captured_line(**changes: Any) -> bytes:
    """A line with these changes; None takes a field out."""
    record = {name: value for name, value in {**RECORD, **changes}.items() if value is not None}
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"
