"""What is sent to a deployment to be scored, and what its answer becomes. Plain functions; nobody imports numpy here.

A numpy array is known by its `tolist` and `dtype`, a pandas DataFrame by its `to_dict` and `columns`.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from localmodel import reasons
from localmodel.errors import UserError
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

JSON = "application/json"
BINARY = "application/octet-stream"

_ARRAY, _FRAME = "numpy.ndarray", "pandas.DataFrame"
_LONGEST_BODY_SHOWN = 2000


class Body(NamedTuple):
    """A request's body, and its type for the header `content-type`."""

    content: bytes
    content_type: str


class Place(NamedTuple):
    """Where a schema-decorated script expects an array or a table: keys from the outside in, and pandas' orient."""

    path: tuple[str, ...]
    orient: str = "records"


# What Azure ML's samples read: json.loads(raw_data)["data"], and pandas.DataFrame of it.
UNDECORATED = Place(("data",))


class ScoringError(UserError):
    """The deployment answered a request with an error.

    Attributes:
        status: the HTTP status.
        body: the body of the answer.
        request_id: the request's id in the deployment's log.
        traceback: the script's traceback from that log; "" if run() did not raise or the log cannot be read.
    """

    def __init__(self, status: int, body: bytes, request_id: str = "", traceback: str = "") -> None:
        description = f"{_message(body)} (status {status}, x-request-id {request_id or 'unknown'})"
        super().__init__(reasons.SCORING_FAILED, f"{description}\n\n{traceback}".rstrip())
        self.status = status
        self.body = body
        self.request_id = request_id
        self.traceback = traceback

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, self.body, self.request_id, self.traceback)


def needs_place(data: object) -> bool:
    """Whether encode() has to know where the script expects the data: it is an array, a table or a column."""
    return _is_frame(data) or _is_array(data)


def encode(data: object, place: Place = UNDECORATED) -> Body:
    """The body that brings `data` to the script.

    ============================  =====================================================================
    data                          sent as
    ============================  =====================================================================
    dict, list, number, None ...  that, as JSON
    str                           itself when it is JSON, else a JSON string
    bytes                         itself, as `application/octet-stream`
    array of any shape            nested lists, row-major, at `place`: `{"data": [[...], ...]}`
    table                         at `place` in its orient: `{"data": [{"column": value, ...}, ...]}`
    ============================  =====================================================================

    Arrays, tables and their scalars may also stand inside a dict or list; there they are the nested lists or the
    records alone. Missing values (NaN, NaT, NA) are sent as null; dates in ISO format.

    Raises:
        TypeError: there is no JSON for a value.
        ValueError: a number is infinite, or a list contains itself.
    """
    if isinstance(data, bytes | bytearray | memoryview):
        return Body(bytes(data), BINARY)
    if isinstance(data, str):
        return Body((data if _is_json(data) else json.dumps(data)).encode(), JSON)
    if needs_place(data):
        value = _records(data, place.orient) if _is_frame(data) else _tolist(data)
        for key in reversed(place.path):
            value = {key: value}
        data = value
    return Body(_json(data).encode(), JSON)


def headers(body: Body, content_type: str | None, others: Mapping[str, str] | None) -> dict[str, str]:
    """The request's headers, by lower-case name. Of the type counts what the caller says, first of all in
    `content_type`."""
    given = {name.lower(): value for name, value in (others or {}).items()}
    headers = {"content-type": body.content_type, **given}
    return {**headers, "content-type": content_type} if content_type else headers


def decode(content_type: str, body: bytes) -> Any:
    """The answer: parsed when it is JSON, otherwise its bytes.

    Raises:
        UserError: AnswerInvalid, when it is said to be JSON and is not.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind != JSON and not kind.endswith("+json"):
        return body
    try:
        return json_text.parse_loosely(body)
    except UnreadableError as error:
        text = body[:_LONGEST_BODY_SHOWN].decode(errors="replace")
        raise UserError(reasons.ANSWER_INVALID, f"the answer cannot be read as {kind}: {error}\n{text}") from None


def find_place(data: object, document: Mapping[str, Any]) -> Place:
    """Where the service with this swagger document (version 3) expects the array or table.

    Raises:
        UserError: InputAmbiguous, when it could be meant for several parameters.
    """
    schema: Any = document
    for name in ("components", "schemas", "ServiceInput"):
        schema = _mapping(schema.get(name))
    leaves = list(_leaves(schema, ()))
    if not leaves:
        return UNDECORATED
    wanted = _FRAME if _is_frame(data) else _ARRAY
    fitting = [leaf for leaf in leaves if leaf[1].startswith(wanted)] or leaves
    if len(fitting) > 1:
        names = ", ".join(".".join(path) for path, _ in fitting)
        raise UserError(
            reasons.INPUT_AMBIGUOUS,
            f"the deployment takes several values ({names}): send a dict of them by their names",
        )
    path, form = fitting[0]
    return Place(path, form.partition(":")[2] or "records")


def _leaves(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each value that is not an object of others, with its format."""
    for name, child in _mapping(schema.get("properties")).items():
        child = _mapping(child)
        form = str(child.get("format", ""))
        if child.get("properties") and not form.startswith(_FRAME):
            yield from _leaves(child, (*path, name))
        else:
            yield (*path, name), form


def _mapping(value: object) -> Mapping[str, Any]:
    """The value, if it is one: a document of the user's own may be anything."""
    return value if isinstance(value, Mapping) else {}


def _is_frame(value: object) -> bool:
    return hasattr(value, "to_dict") and hasattr(value, "columns")


def _is_array(value: object) -> bool:
    """Also a pandas Series. A scalar of numpy has no shape to speak of: it is one number."""
    return hasattr(value, "tolist") and hasattr(value, "dtype") and getattr(value, "shape", ()) != ()


def _tolist(value: Any) -> Any:
    if value.dtype.kind == "M":  # numbers, at a resolution finer than Python's
        return value.astype("datetime64[us]").tolist()
    return value.tolist()


def _records(frame: Any, orient: str) -> Any:
    """The table in an orient that pandas.read_json() knows."""
    if orient == "values":
        return frame.to_dict(orient="split")["data"]
    if orient == "columns":
        return frame.to_dict(orient="dict")
    if orient == "table":
        return json.loads(frame.to_json(orient="table", date_format="iso", double_precision=15))
    return frame.to_dict(orient=orient)


def _json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except (ValueError, TypeError) as error:
        if "circular" in str(error).lower():
            raise
    # Such values and keys are rare, and cost a walk through everything only when there are any.
    return json.dumps(_written(value, "$"))


def _written(value: Any, path: str) -> Any:
    """The value as dicts, lists, text and numbers that JSON has."""
    if isinstance(value, float):
        if math.isinf(value):
            raise ValueError(f"{path} is infinity, which cannot be written as JSON: replace it by a number, or by None")
        return None if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {_key(key, path): _written(item, f"{path}{_step(key)}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, str | int | None):
        return value
    try:
        plain = _plain(value)
    except TypeError as error:
        raise TypeError(f"{path}: {error}") from None
    return _written(plain, path)


def _key(key: Any, path: str) -> str | float | None:
    """A key that JSON has: numpy's numbers count as Python's, dates are in ISO format."""
    try:
        while not isinstance(key, str | int | float | None):
            key = _plain(key)
    except TypeError as error:
        raise TypeError(f"a key of {path}: {error}") from None
    return key


def _step(key: object) -> str:
    return f".{key}" if str(key).isidentifier() else f"[{json.dumps(str(key))}]"


def _plain(value: Any) -> Any:
    """What json.dumps cannot write, as something that it can."""
    if _is_frame(value):
        return _records(value, "records")
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return _tolist(value)
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON; send its lists, dicts, numbers or text")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _message(body: bytes) -> str:
    """The one in the server's errors, or the text as it is."""
    try:
        return str(json_text.parse_loosely(body)["message"])
    except (ValueError, KeyError, TypeError):
        text = body[:_LONGEST_BODY_SHOWN].decode(errors="replace").strip()
        return text or "no text"
