"""The CRD's CEL rules and list keys, for targets without an API server that evaluates them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from localmodel.errors import UserError

# From the root of a manifest to a field in it
Place: TypeAlias = "tuple[str | int, ...]"
# The parts of a value that break a rule, to be named before the rule's message; "" names nothing.
Broken: TypeAlias = "Iterable[str]"

_FILE_NAME = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*")
_RESOURCE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_INLINE_LIMIT = 128 * 1024
# Variables of the scoring server that the user may set
_SERVER_OPTIONS = (
    "LOCALMODEL_ALLOWED_HOSTS",
    "LOCALMODEL_BATCHING",
    "LOCALMODEL_INPUT_KEY",
    "LOCALMODEL_LOG_FORMAT",
    "LOCALMODEL_STRICT_PARITY",
)
# A pod's own folders: those of the image, and those that are mounted
_OWN_FOLDER = re.compile(
    r"/opt|/var|/var/lib|/(bin|dev|etc|lib|lib64|proc|run|sbin|sys|tmp|usr|opt/env|opt/localmodel|var/azureml-app"
    r"|var/lib/localmodel|var/run)(/.*)?"
)
# First parts of the paths of the scoring server's own routes
_SERVER_ROUTES = frozenset(
    {
        *("score", "livez", "readyz", "metrics", "swagger.json", "openapi.json"),
        *("v1", "v2", "kserve", "invocations", "ping", "health", "version"),
    }
)
_SET_BY_US = ("AZUREML_MODEL_DIR", "AZUREML_ENTRY_SCRIPT", "AML_APP_ROOT")


def broken(value: Any, schema: Mapping[str, Any], place: Place = ()) -> Iterator[tuple[Place, str]]:
    """The places where a value breaks rules of the schema, with messages; wrong types are left to the schema."""
    for rule in schema.get("x-kubernetes-validations", ()):
        below = tuple(rule.get("fieldPath", "").split(".")[1:])
        for what in _broken_by(value, COUNTERPARTS[rule["message"]]):
            yield (*place, *below), f"{what}: {rule['message']}" if what else rule["message"]
    if isinstance(value, Mapping):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, child in value.items():
            property_schema = properties.get(name, others)
            if isinstance(property_schema, Mapping):
                yield from broken(child, property_schema, (*place, name))
    elif isinstance(value, list):
        yield from _twice(value, schema, place)
        for index, item in enumerate(value):
            yield from broken(item, schema.get("items", {}), (*place, index))


def _broken_by(value: Any, counterpart: Callable[[Any], Broken]) -> Broken:
    try:
        return tuple(counterpart(value)) if isinstance(value, Mapping | list | str) else ()
    except (KeyError, TypeError, AttributeError):
        return ()


def _twice(items: list[Any], schema: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, str]]:
    """The items of a list whose keys an earlier item has already."""
    names = schema.get("x-kubernetes-list-map-keys", ())
    keys_so_far = [tuple(item.get(name) for name in names) if isinstance(item, Mapping) else () for item in items]
    for index, key in enumerate(keys_so_far):
        if any(key) and key in keys_so_far[:index]:
            pairs = ", ".join(f"{name} {value!r}" for name, value in zip(names, key, strict=True))
            yield (*place, index), f"{pairs} is there twice"


def _unless(holds: Callable[[Any], bool]) -> Callable[[Any], Broken]:
    return lambda value: () if holds(value) else ("",)


def _name(is_wrong: Callable[[str], bool]) -> Callable[[Any], Broken]:
    return lambda value: (value["name"],) if is_wrong(value["name"]) else ()


def _is_set_by_us(name: str) -> bool:
    return name in _SET_BY_US or (name.startswith("LOCALMODEL_") and name not in _SERVER_OPTIONS)


def _of_the_operator(names: Mapping[str, str]) -> Broken:
    return [name for name in names if name.startswith("localmodel.dev/") or name == "app.kubernetes.io/managed-by"]


def _differ_in_case(models: Any) -> Broken:
    names = sorted({model["name"] for model in models})
    return [name for name in names if any(name != other and name.lower() == other.lower() for other in names)][:1]


def _no_file_names(inline: Mapping[str, str]) -> Broken:
    return [repr(name) for name in inline if not _FILE_NAME.fullmatch(name) or len(name) > 200]


def _asks_for_cpu(resources: Mapping[str, Any]) -> bool:
    """Whether pods request CPU; a limit without a request is one."""
    return any("cpu" in resources.get(kind, {}) for kind in ("requests", "limits"))


def _missing_script(scoring: Mapping[str, Any]) -> Broken:
    source, entry = scoring["source"], scoring["entryScript"]
    return [entry] if "inline" in source and entry not in source["inline"] else ()


def _no_requirement(text: str) -> Broken:
    """Refuse requirements that match the CRD's pattern, but that nobody can install."""
    from localmodel.requirements import requirement  # here, because it reads the schema

    try:
        requirement.read(text, "")
    except UserError as error:
        return (str(error).removeprefix(": "),)
    return ()


def _no_image(reference: str) -> Broken:
    from localmodel.requirements import image_name

    return () if image_name.is_image(reference) else ("",)


# By the message of the CRD's rule. A test checks that every rule has a counterpart, and that both refuse the same.
COUNTERPARTS: dict[str, Callable[[Any], Broken]] = {
    "at most 48 characters (children's names are derived from it)": _unless(
        lambda resource: len(resource["metadata"]["name"]) <= 48
    ),
    "lower-case letters, digits and '-', starting with a letter (a Service is named after it)": _unless(
        lambda resource: bool(_RESOURCE_NAME.fullmatch(resource["metadata"]["name"]))
    ),
    "name the script in spec.scoring, or just one model here, from which the script is generated": _unless(
        lambda spec: "scoring" in spec or len(spec["models"]) == 1
    ),
    "exactly one of version and uri": _unless(lambda model: ("version" in model) != ("uri" in model)),
    "credentials are for a uri": _unless(lambda model: "credentials" not in model or "uri" in model),
    "refresh is for a uri without a digest, which can mean one version only": _unless(
        lambda model: "refresh" not in model or ("uri" in model and "digest" not in model)
    ),
    "names that differ only in case are one folder on some machines; choose others": _differ_in_case,
    "no such file in spec.scoring.source.inline": _missing_script,
    "exactly one of configMap, inline, code and git": _unless(
        lambda source: len({"configMap", "inline", "code", "git"} & set(source)) == 1
    ),
    "a file name is letters, digits, '_', '-', '.', with '/' between folders; no '..', no '/' at the ends, "
    "200 characters at most": _no_file_names,
    "128 KiB in all at most; put larger code into a ConfigMap": _unless(
        lambda inline: sum(map(len, inline.values())) <= _INLINE_LIMIT
    ),
    "one of file, requirements and ref": _unless(
        lambda environment: "file" not in environment or not (environment["requirements"] or "ref" in environment)
    ),
    "a file of the source that spec.scoring names": _unless(
        lambda spec: "file" not in spec["environment"] or "scoring" in spec
    ),
    "host and path need expose: Ingress or Gateway": _unless(
        lambda service: not {"host", "path"} & set(service) or service.get("expose") in ("Ingress", "Gateway")
    ),
    "ingressClass and tlsSecret need expose: Ingress; a Gateway has certificates of its own": _unless(
        lambda service: not {"ingressClass", "tlsSecret"} & set(service) or service.get("expose") == "Ingress"
    ),
    "expose: Gateway and gateway need each other": _unless(
        lambda service: ("gateway" in service) == (service.get("expose") == "Gateway")
    ),
    "a certificate is for a host: set host, too": _unless(
        lambda service: "tlsSecret" not in service or "host" in service
    ),
    "the server has a route of its own there; choose another, such as /models/NAME": _unless(
        lambda path: _SERVER_ROUTES.isdisjoint(path.split("/")[1:2])
    ),
    "spec.autoscaling decides how many pods there are; leave spec.replicas out": _unless(
        lambda spec: "autoscaling" not in spec or not isinstance(spec["replicas"], int) or spec["replicas"] == 1
    ),
    "it is a share of what a pod requests: set spec.resources.requests.cpu, too": _unless(
        lambda spec: "cpu" not in spec.get("autoscaling", {}) or _asks_for_cpu(spec["resources"])
    ),
    "exactly one of cpu and inflight": _unless(
        lambda autoscaling: ("cpu" in autoscaling) != ("inflight" in autoscaling)
    ),
    "min may be at most max": _unless(lambda wanted: wanted["min"] <= wanted["max"]),
    "either ref, or requirements and baseImage": _unless(
        lambda environment: "ref" not in environment or not (environment["requirements"] or "baseImage" in environment)
    ),
    "one package by name (name==1.0), in ASCII; no option, path, variable or repository": _no_requirement,
    "an image's name, such as python:3.11-slim": _no_image,
    "this variable is set by the deployment itself; choose another name": _name(_is_set_by_us),
    "set spec.server.workers or spec.server.scoringTimeoutSeconds instead": _name(
        lambda name: name in ("WORKER_COUNT", "SCORING_TIMEOUT_MS")
    ),
    "one of value and valueFrom": _unless(lambda variable: not {"value", "valueFrom"} <= set(variable)),
    "exactly one of configMapKeyRef and secretKeyRef": _unless(
        lambda source: ("configMapKeyRef" in source) != ("secretKeyRef" in source)
    ),
    "names that start with localmodel.dev/, and app.kubernetes.io/managed-by, are the operator's": _of_the_operator,
    "the image has a folder of its own there; choose another, such as /data": _unless(
        lambda path: _OWN_FOLDER.fullmatch(path) is None
    ),
    "captured requests are asked: set spec.capture.percent, too": _unless(
        lambda spec: "replay" not in spec.get("update", {}) or bool(spec.get("capture", {}).get("percent"))
    ),
    "minRequests may be at most last": _unless(lambda wanted: wanted["minRequests"] <= wanted["last"]),
    "a canary or a shadow is loaded beside what serves, as Auto does": _unless(
        lambda update: not {"canary", "shadow"} & set(update) or update["strategy"] == "Auto"
    ),
    "exactly one of requests and configMap": _unless(lambda gate: ("requests" in gate) != ("configMap" in gate)),
}
