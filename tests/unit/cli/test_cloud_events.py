"""A captured request as the two events that KServe's logger sends."""

import json
from typing import Any

import pytest

from localmodel.cli.captured import cloud_events

RECORD: dict[str, Any] = {
    "id": "a-1",
    "time": "2026-01-01T00:00:00.250000+00:00",
    "revision": "3",
    "path": "/score",
    "headers": {"content-type": "application/json"},
    "body": '{"data": [1]}',
    "status": 200,
    "answer_type": "application/json",
    "answer": "[2]",
    "ms": 1.5,
}


def events(**changes: Any) -> list[dict[str, Any]]:
    record = {name: value for name, value in {**RECORD, **changes}.items() if value is not None}
    return [json.loads(line) for line in cloud_events.lines([record], "churn").splitlines()]


def test_a_request_is_two_events_with_one_id() -> None:
    request, response = events()
    assert request == {
        "specversion": "1.0",
        "id": "a-1",
        "source": "/localmodel/churn",
        "type": "org.kubeflow.serving.inference.request",
        "time": "2026-01-01T00:00:00.250000+00:00",
        "inferenceservicename": "churn",
        "component": "predictor",
        "endpoint": "/score",
        "revision": "3",
        "datacontenttype": "application/json",
        "data": {"data": [1]},
    }
    assert response["id"] == "a-1"
    assert response["type"] == "org.kubeflow.serving.inference.response"
    assert response["time"] == "2026-01-01T00:00:00.251500+00:00"
    assert (response["status"], response["data"]) == (200, [2])


def test_what_is_not_json_is_text_or_base64() -> None:
    request, response = events(body='{"data":', answer=None, answer_base64="/w==", answer_type="image/png")
    assert (request["datacontenttype"], request["data"]) == ("text/plain", '{"data":')
    assert (response["datacontenttype"], response["data_base64"]) == ("image/png", "/w==")


def test_a_number_that_json_does_not_have_stays_text() -> None:
    assert events(answer="[NaN]")[1]["data"] == "[NaN]"


@pytest.mark.parametrize("depth", [900, 990, 100_000])
def test_a_body_that_is_nested_too_deeply_stays_readable(depth: int) -> None:
    body = "[" * depth + "]" * depth
    data = events(body=body)[0]["data"]
    assert (data if isinstance(data, str) else json.dumps(data)) == body


def test_what_is_left_out_is_not_there() -> None:
    (request,) = events(body=None, answer=None)
    assert "data" not in request
