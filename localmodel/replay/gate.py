"""A request of a gate, made of a captured one and of what is answered to it now."""

import json
from collections.abc import Iterator
from typing import Any

from localmodel.replay import captured
from localmodel.targets.captured_request import CapturedRequest
from localmodel_untrusted import answer_difference
from localmodel_untrusted.answer_difference import Answer
from localmodel_untrusted.json_path import below

_TOLERANCE = "1e-6"
_MOST_FIELDS = 64
_LONGEST_NAME = 63


def unfit(request: CapturedRequest) -> str:
    """Why a gate cannot have the request; "" if it can."""
    if request.body is None:
        return f"without a body: {request.left_out.get('body', 'none was kept')}"
    if request.status == 499:
        return "the client had left before it was answered"
    if captured.is_redacted(request):
        return "its values are redacted"
    if not captured.is_sendable(request):
        return "its address or content type is not valid"
    try:
        request.body.decode()
    except UnicodeDecodeError:
        return "its body is not text"
    return ""


def entry(request: CapturedRequest, first: Answer, second: Answer) -> dict[str, Any] | None:
    """The request with what is expected: all in which its two answers are the same. None if their status is not."""
    if first.status != second.status:
        return None
    kind = captured.content_type(request)
    return {
        "name": request.id[:_LONGEST_NAME],
        **({} if request.method == "POST" else {"method": request.method}),
        "path": captured.address(request),
        **({"body": request.body.decode()} if request.body else {}),
        **({} if kind == captured.JSON else {"contentType": kind}),
        "expect": {"status": first.status, **_expected(first, second)},
    }


def _expected(first: Answer, second: Answer) -> dict[str, Any]:
    if first.status >= 400 or not (first.value and second.value and _is_json(first.value[0])):
        return {}  # an error is the same in other words
    value = first.value[0]
    unstable = set.union(*answer_difference.unstable(first, second, answer_difference.Rules()))
    if not unstable:
        return {"json": value, **_tolerance(value)}
    fields = [
        {"path": path, "equals": leaf, **_tolerance(leaf)}
        for path, place, leaf in _leaves(value, "$", "$")
        if not answer_difference.is_within(place, unstable)
    ]
    return {"fields": fields[:_MOST_FIELDS]} if fields else {}


def _leaves(value: Any, path: str, place: str) -> Iterator[tuple[str, str, Any]]:
    """Each value that holds no other, with its path, and with its place, which has [*] for every index."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, below(path, name), below(place, name))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, below(path, index), f"{place}[*]")
    else:
        yield path, place, value


def _tolerance(value: Any) -> dict[str, str]:
    """What another version of a package may be off in a number with a fraction."""
    return {"tolerance": _TOLERANCE} if any(isinstance(leaf, float) for _, _, leaf in _leaves(value, "", "")) else {}


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True
