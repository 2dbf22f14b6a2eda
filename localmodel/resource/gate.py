"""The gate of a deployment: requests with expected answers that a revision must pass before it serves."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import yaml

from localmodel import digests, reasons
from localmodel.errors import UserError
from localmodel.resource import schema
from localmodel.resource.schema import Place
from localmodel.resource.spec import GateSpec
from localmodel_untrusted.files import decoded

KEY = "gate.yaml"
FILE = "gate.json"
Requests: TypeAlias = "Sequence[Mapping[str, Any]]"
_FIELD = "spec.update.gate"
_LIMIT = 128 * 1024
_LONGEST = 200
# The same syntax as in localmodel_untrusted.json_path.
_PATH = re.compile(r"""\$(\.[A-Za-z0-9_-]+|\[-?[0-9]{1,9}]|\["([^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"])*""")


def requests(
    wanted: GateSpec | None, config_map: Mapping[str, str | bytes] | None = None
) -> tuple[dict[str, Any], ...]:
    """The gate's requests with all defaults filled in, and tolerances as numbers; empty without a gate.

    A manifest has tolerances as text, because Kubernetes resources avoid floats; a user's file may have numbers.
    `config_map` is the content of the ConfigMap that `wanted` names, or None if it does not exist.

    Raises:
        UserError: GateMissing; GateInvalid, with a line for each wrong field and its place.
    """
    if wanted is None:
        return ()
    if wanted.config_map is None:
        return _checked(list(wanted.requests), lambda place: f"{_FIELD}.{schema.text(('requests', *place))}")
    where = f"{_FIELD}.configMap: ConfigMap {wanted.config_map}"
    if config_map is None:
        raise UserError(reasons.GATE_MISSING, f"{where} does not exist; apply it together with the deployment")
    if KEY not in config_map:
        raise UserError(
            reasons.GATE_MISSING, f"{where} has no key {KEY} (it has: {', '.join(sorted(config_map)) or 'none'})"
        )
    return _from_text(config_map[KEY], f"{where}: {KEY}")


def of_file(content: bytes, file: str) -> tuple[dict[str, Any], ...]:
    """The requests of a file, as a manifest has them.

    Raises:
        UserError: GateInvalid, with a line for each wrong field: file and line.
    """
    return _as_manifest(_from_text(content, file))


def of_values(value: Sequence[Mapping[str, Any]], called: str) -> tuple[dict[str, Any], ...]:
    """Requests that were given as values, as a manifest has them; `called` is what messages call them.

    Raises:
        UserError: GateInvalid.
    """
    return _as_manifest(_checked([*value], lambda place: f"{called}{schema.text(place)}"))


def _as_manifest(asked: Requests) -> tuple[dict[str, Any], ...]:
    """With their tolerances as text."""
    requests = copy.deepcopy([dict(request) for request in asked])
    for _, holder in _tolerant(requests):
        holder["tolerance"] = _as_text(holder["tolerance"])
    return tuple(requests)


def digest(asked: Requests) -> str:
    """Digest of the gate's requests; "" without any."""
    return digests.of_json(asked) if asked else ""


def text(asked: Requests) -> bytes:
    """The content of gate.json, as the scoring server reads it."""
    return digests.canonical_json(asked)


def _from_text(content: str | bytes, file: str) -> tuple[dict[str, Any], ...]:
    try:
        loader = _Loader(decoded(content) if isinstance(content, bytes) else content)
        root = loader.get_single_node()
        value = loader.construct_document(root) if root is not None else None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(reasons.GATE_INVALID, f"{file}{_not_yaml(error)}") from None
    if root is None or not isinstance(value, list):
        raise UserError(reasons.GATE_INVALID, f"{file}: a list of requests is expected")
    return _checked(value, lambda place: f"{file}:{_line(root, place)}: {schema.text(place)}")


class _Loader(yaml.SafeLoader):
    """Reads YAML as the API server does: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _not_yaml(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f":{error.problem_mark.line + 1}: not YAML: {error.problem}"
    return f": not YAML: {error}"


def _line(root: yaml.Node, place: Place) -> int:
    """The line where the value at this place begins, or else the value that contains it."""
    node = root
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            below = [pair for pair in node.value if pair[0].value == part]
            node = below[-1][0] if below and part == place[-1] else below[-1][1] if below else node
    return int(node.start_mark.line) + 1


def _checked(value: list[Any], called: Callable[[Place], str]) -> tuple[dict[str, Any], ...]:
    """Check the requests; return a copy with defaults. `called` gives the name of a field in messages."""
    try:
        faults = list(_not_json(value))
        if not faults:
            value = copy.deepcopy(value)
            schema.fill_in(value, _schema())
            for _, holder in _tolerant(value):
                holder["tolerance"] = _as_text(holder["tolerance"])
            faults = list(schema.problems(value, _schema())) or list(_rules(value))
        if not faults:
            for _, holder in _tolerant(value):
                holder["tolerance"] = _as_number(holder["tolerance"])
        if not faults and len(text(value)) > _LIMIT:
            faults = [((), "larger than 128 KiB in all")]
    except RecursionError:
        faults = [((), "nested too deeply")]
    if faults:
        lines = [f"{called(place).removesuffix(': ')}: {_short(what)}" for place, what in faults]
        raise UserError(reasons.GATE_INVALID, "\n".join(lines))
    return tuple(value)


def _schema() -> dict[str, Any]:
    properties = schema.resource_schema()["properties"]
    for name in ("spec", "update", "gate"):
        properties = properties[name]["properties"]
    requests_schema: dict[str, Any] = properties["requests"]
    return requests_schema


def _not_json(value: Any) -> Iterator[tuple[Place, str]]:
    """Values that YAML can express and JSON cannot."""
    for count, (place, item) in enumerate(_walk(value, ())):
        if count > _LIMIT:  # a few anchors can stand for more than any memory holds
            yield (), "larger than 128 KiB in all"
            return
        if isinstance(item, dict):
            yield from (
                (place, f"the name {name!r} is not text; quote it") for name in item if not isinstance(name, str)
            )
        elif isinstance(item, str) and not _is_unicode(item):
            yield place, "not Unicode text"
        elif not isinstance(item, str | int | float | list | None):
            yield place, f"{type(item).__name__} is not a JSON type; quote it"


def _walk(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    yield place, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, child in children:
        yield from _walk(child, (*place, part))


def _rules(asked: Requests) -> Iterator[tuple[Place, str]]:
    """Faults that the schema does not find."""
    for index, request in enumerate(asked):
        kind = request["contentType"]
        if not (kind.isascii() and kind.isprintable()):
            yield (index, "contentType"), "printable ASCII characters only"
    for place, holder in _tolerant(asked):
        if "path" in holder and not _PATH.fullmatch(holder["path"]):
            what = 'is not a path: after $, the whole answer, write .name, ["any name"], [0] or [-1]'
            yield (*place, "path"), f"{holder['path']!r} {what}"


def _tolerant(asked: Any) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Everything that may have a tolerance: the expectations for an answer and its parts, possibly of a wrong shape."""
    for index, request in enumerate(asked):
        expect = request.get("expect") if isinstance(request, dict) else None
        if isinstance(expect, dict):
            yield (index, "expect"), expect
            fields = expect["fields"] if isinstance(expect["fields"], list) else []
            objects = ((number, field) for number, field in enumerate(fields) if isinstance(field, dict))
            yield from (((index, "expect", "fields", number), field) for number, field in objects)


def _as_text(tolerance: Any) -> Any:
    return str(tolerance) if isinstance(tolerance, int | float) and not isinstance(tolerance, bool) else tolerance


def _as_number(tolerance: Any) -> int | float:
    text = str(tolerance)  # a YAML alias may share one that is a number already
    return int(text) if text.isdecimal() else float(text)


def _short(what: str) -> str:
    """The schema's message, shortened, because it begins with the value, which may be the whole gate."""
    return what if len(what) <= _LONGEST else f"{what[: _LONGEST // 2]} ... {what[-_LONGEST // 2 :]}"


def _is_unicode(content: str) -> bool:
    try:
        content.encode()
    except UnicodeEncodeError:
        return False
    return True
