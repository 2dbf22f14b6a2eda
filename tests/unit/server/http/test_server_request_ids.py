from __future__ import annotations

import pytest

from localmodel_server.messages import request_ids
from localmodel_server.messages.request_ids import read_ids


def echoed(**given: str) -> dict[str, str]:
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    return {name.decode(): value.decode() for name, value in read_ids(headers).echo}


def test_all_given_ids_are_echoed() -> None:
    given = {"x_request_id": "a", "x_ms_client_request_id": "b", "x_ms_request_id": "c", "traceid": "d"}
    assert echoed(**given) == {name.replace("_", "-"): value for name, value in given.items()}


def test_the_old_id_falls_back_to_the_client_id_and_then_the_request_id() -> None:
    assert echoed(x_request_id="a", x_ms_client_request_id="b")["x-ms-request-id"] == "b"
    assert echoed(x_request_id="a")["x-ms-request-id"] == "a"
    made_up = echoed()
    assert made_up["x-request-id"] == made_up["x-ms-request-id"] != ""


def test_an_id_that_is_too_long_is_named_and_not_echoed() -> None:
    ids = read_ids([(b"x-request-id", b"x" * 101)])
    assert ids.too_long == "x-request-id"
    assert len(ids.request_id) == 36
    assert ids.is_ours
    assert read_ids([(b"x-request-id", b"x" * 100)]).too_long is None


def test_the_old_id_stands_in_for_the_client_id() -> None:
    assert echoed(x_ms_request_id="c")["x-ms-client-request-id"] == "c"


def test_a_trace_id_has_no_limit() -> None:
    assert echoed(traceid="t" * 200)["traceid"] == "t" * 200
    assert read_ids([(b"traceid", b"t" * 200)]).too_long is None


def test_the_old_header_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    request_ids._tell_of_the_old_header.cache_clear()
    echoed(x_ms_client_request_id="b")
    assert caplog.records == []
    echoed(x_ms_request_id="c")
    echoed(x_ms_request_id="c")
    assert [(record.levelname, "use x-ms-client-request-id" in record.message) for record in caplog.records] == [
        ("WARNING", True)
    ]
