"""Manifests that the CRD allows, and for each thing that it demands one that breaks nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CRD = Path(__file__).resolve().parents[2] / "crds" / "localmodeldeployments.yaml"
Object = dict[str, Any]
Place = tuple[str | int, ...]

_KEY = {"name": "a", "key": "b"}
_LABELS = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
_NODES = dict.fromkeys(("matchExpressions", "matchFields"), _LABELS["matchExpressions"])
_PODS = {
    **dict.fromkeys(("labelSelector", "namespaceSelector"), _LABELS),
    **{name: ["a"] for name in ("namespaces", "matchLabelKeys", "mismatchLabelKeys")},
    "topologyKey": "a",
}
_OF_PODS = {
    "requiredDuringSchedulingIgnoredDuringExecution": [_PODS],
    "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": _PODS}],
}
_POD = {
    "nodeSelector": {"a": "b"},
    "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 1}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_NODES]},
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": _NODES}],
        },
        "podAffinity": _OF_PODS,
        "podAntiAffinity": _OF_PODS,
    },
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "a",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": _LABELS,
            "matchLabelKeys": ["a"],
            "minDomains": 1,
            "nodeAffinityPolicy": "Honor",
            "nodeTaintsPolicy": "Ignore",
        }
    ],
    "priorityClassName": "a",
    "serviceAccountName": "a",
    "imagePullSecrets": [{"name": "a"}],
    "labels": {"a": "b"},
    "annotations": {"a": "b"},
    "volumes": [{"mountPath": "/data", "persistentVolumeClaim": {"claimName": "a"}}],
}
_REQUEST = {
    "name": "one",
    "method": "POST",
    "path": "/score",
    "body": "{}",
    "contentType": "application/json",
    "expect": {
        "status": 200,
        "json": [1],
        "tolerance": "0.5",
        "fields": [{"path": "$.a", "equals": 1, "tolerance": "0"}],
        "maxMilliseconds": 1000,
    },
}
_FAIL = {"errorRatio": "0.5", "latencyRatio": "1.5"}
_ADDRESSED = {
    "name": "far",
    "uri": "hf://owner/model@main",
    "digest": f"sha256:{'0' * 64}",
    "credentials": {"secret": "a"},
}
_MOVING = {"name": "moving", "uri": "models:/moving@champion", "refresh": {"interval": "5m"}}
_GIT = {
    "url": "https://git.example/a.git",
    "ref": "feature/a",
    "path": "scoring/a",
    "credentials": {"secret": "a"},
    "refresh": {"interval": "5m"},
}
# Together they set every field of spec.
_SPECS: tuple[Object, ...] = (
    {
        "models": [{"name": "iris", "version": 1}],
        "scoring": {"entryScript": "score.py", "source": {"inline": {"score.py": "x", "pkg/a.py": "y"}}},
        "environment": {"python": "3.12", "requirements": ["six"], "baseImage": "python:3.12"},
        "env": [
            {"name": "PLAIN", "value": "1"},
            {"name": "FROM_MAP", "valueFrom": {"configMapKeyRef": {**_KEY, "optional": True}}},
            {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {**_KEY, "optional": False}}},
            {"name": "LOCALMODEL_BATCHING", "value": "off"},
        ],
        "server": {"workers": 1, "scoringTimeoutSeconds": 60, "maxRequestBytes": 2048},
        "capture": {
            "percent": 5,
            "keep": {"requests": 10, "megabytes": 1},
            "answers": False,
            "redact": ["$", '$.a-b[-1][*]["any name"]'],
            "headers": ["X-User"],
        },
        "service": {
            "expose": "Ingress",
            "localPort": 6789,
            "host": "ml.example",
            "path": "/team/digits",
            "ingressClass": "nginx",
            "tlsSecret": "ml-example",
        },
        "replicas": 1,
        "autoscaling": {"min": 2, "max": 4, "cpu": 70},
        "resources": {"requests": {"cpu": "100m", "memory": "1e6"}, "limits": {"cpu": 1, "memory": "1Gi"}},
        "pod": _POD,
        "update": {
            "strategy": "Auto",
            "gate": {"requests": [_REQUEST]},
            "replay": {"last": 50, "minRequests": 5, "maxChanged": 1, "tolerance": "1e-6", "ignore": ["$.rows[*].t"]},
            "shadow": {"percent": 10, "seconds": 60, "minRequests": 5, "fail": {**_FAIL, "changedRatio": "0.5"}},
            "canary": {
                "steps": [{"percent": 5, "seconds": 600}, {"percent": 50, "seconds": 60}],
                "sticky": {"header": "X-User"},
                "force": {"header": "x-try"},
                "minRequests": 50,
                "fail": _FAIL,
                "promote": "Manual",
            },
            "progressDeadlineSeconds": 60,
        },
        "revisionHistoryLimit": 3,
        "suspend": True,
    },
    {
        "models": [_ADDRESSED, _MOVING],
        "scoring": {"entryScript": "score.py", "source": {"configMap": {"name": "code"}}},
        "environment": {"ref": {"name": "project", "version": 1}},
        "service": {"expose": "Gateway", "gateway": {"name": "public", "namespace": "infra", "listener": "https"}},
        "autoscaling": {"max": 1, "cpu": None, "inflight": 8},
        "update": {"gate": {"configMap": {"name": "gate"}}},
    },
    {
        "models": None,
        "scoring": {"entryScript": "score.py", "source": {"code": {"name": "code", "version": 1}, "inline": None}},
        "environment": {"ref": None, "python": None, "baseImage": None, "file": "needs/requirements.txt"},
        "env": [{"name": "A", "value": None, "valueFrom": None}],
        "service": {"expose": None, "localPort": None},
        "resources": {
            "limits": None,
            "requests": {"cpu": None, "memory": "+.5P", "gpu": "5.", "disk": "7u", "net": "2E1"},
        },
        "pod": {"nodeSelector": None, "labels": {}},
        "update": {"gate": None},
    },
    {
        "scoring": {"entryScript": "score.py", "source": {"git": _GIT}},
        "resources": {"limits": {"cpu": 1}},
        "autoscaling": {"max": 3, "cpu": 70},
    },
)
# What breaks a rule, by its message: where, and the value there.
_RULES: dict[str, tuple[tuple[Place, Any], ...]] = {
    "at most 48 characters (children's names are derived from it)": ((("metadata", "name"), "d" * 49),),
    "lower-case letters, digits and '-', starting with a letter (a Service is named after it)": (
        (("metadata", "name"), "1digits"),
        (("metadata", "name"), "dig.its"),
    ),
    "names that differ only in case are one folder on some machines; choose others": (
        (("spec", "models"), [{"name": "Iris", "version": 1}, {"name": "iris", "version": 1}]),
    ),
    "exactly one of version and uri": (
        (("spec", "models", 0, "uri"), "models:/iris@champion"),
        (("spec", "models", 0), {"name": "iris"}),
    ),
    "credentials are for a uri": ((("spec", "models", 0, "credentials"), {"secret": "a"}),),
    "refresh is for a uri without a digest, which can mean one version only": (
        (("spec", "models", 0, "refresh"), {"interval": "5m"}),
    ),
    "name the script in spec.scoring, or just one model here, from which the script is generated": (
        (("spec",), {"models": []}),
        (("spec",), {"models": [{"name": "a", "version": 1}, {"name": "b", "version": 1}]}),
    ),
    "no such file in spec.scoring.source.inline": ((("spec", "scoring", "entryScript"), "main.py"),),
    "exactly one of configMap, inline, code and git": (
        (("spec", "scoring", "source"), {}),
        (("spec", "scoring", "source", "configMap"), {"name": "a"}),
        (("spec", "scoring", "source", "code"), {"name": "a", "version": 1}),
        (("spec", "scoring", "source", "git"), {"url": "https://git.example/a.git"}),
    ),
    "a file name is letters, digits, '_', '-', '.', with '/' between folders; no '..', no '/' at the ends, "
    "200 characters at most": (
        *((("spec", "scoring", "source", "inline", name), "x") for name in ("../a", "/a", "a//b", "a/", ".a", "a\n")),
        (("spec", "scoring", "source", "inline", "a" * 201), "x"),
    ),
    "128 KiB in all at most; put larger code into a ConfigMap": (
        (("spec", "scoring", "source", "inline", "more.py"), "x" * 131072),
    ),
    "either ref, or requirements and baseImage": (
        (("spec", "environment", "ref"), {"name": "a", "version": 1}),
        (("spec", "environment"), {"ref": {"name": "a", "version": 1}, "requirements": ["six"]}),
        (("spec", "environment"), {"ref": {"name": "a", "version": 1}, "baseImage": "a"}),
    ),
    "one of file, requirements and ref": ((("spec", "environment", "file"), "requirements.txt"),),
    "a file of the source that spec.scoring names": (
        (("spec",), {"models": [{"name": "a", "version": 1}], "environment": {"file": "requirements.txt"}}),
    ),
    "one package by name (name==1.0), in ASCII; no option, path, variable or repository": tuple(
        (("spec", "environment", "requirements", 0), text)
        for text in (
            "-r a.txt",
            "six\r-r a.txt",
            "six\n",
            "/srv/six",
            "${HOME}",
            "six @ git+ssh://h/x",
            "six @ file:///x",
            "s\u00efx",
        )
    ),
    "an image's name, such as python:3.11-slim": tuple(
        (("spec", "environment", "baseImage"), name) for name in ("python:3.11 AS a", "../a", "${HOME}", "a\n", "--a")
    ),
    "this variable is set by the deployment itself; choose another name": tuple(
        (("spec", "env", 0, "name"), name)
        for name in ("AZUREML_MODEL_DIR", "AZUREML_ENTRY_SCRIPT", "AML_APP_ROOT", "LOCALMODEL_", "LOCALMODEL_REVISION")
    ),
    "set spec.server.workers or spec.server.scoringTimeoutSeconds instead": tuple(
        (("spec", "env", 0, "name"), name) for name in ("WORKER_COUNT", "SCORING_TIMEOUT_MS")
    ),
    "one of value and valueFrom": ((("spec", "env", 1, "value"), "1"),),
    "exactly one of configMapKeyRef and secretKeyRef": (
        (("spec", "env", 1, "valueFrom"), {}),
        (("spec", "env", 1, "valueFrom", "secretKeyRef"), _KEY),
        (("spec", "env", 2, "valueFrom", "configMapKeyRef"), _KEY),
    ),
    "names that start with localmodel.dev/, and app.kubernetes.io/managed-by, are the operator's": tuple(
        (("spec", "pod", field, name), "a")
        for field in ("labels", "annotations")
        for name in ("localmodel.dev/deployment", "localmodel.dev/", "app.kubernetes.io/managed-by")
    ),
    "the image has a folder of its own there; choose another, such as /data": tuple(
        (("spec", "pod", "volumes", 0, "mountPath"), path)
        for path in ("/opt", "/tmp", "/var/azureml-app", "/var/azureml-app/a", "/usr/lib/a", "/var/lib")
    ),
    "host and path need expose: Ingress or Gateway": (
        (("spec", "service"), {"host": "ml.example"}),
        (("spec", "service"), {"path": "/digits", "expose": "None"}),
    ),
    "ingressClass and tlsSecret need expose: Ingress; a Gateway has certificates of its own": (
        (("spec", "service"), {"expose": "NodePort", "ingressClass": "nginx"}),
        (
            ("spec", "service"),
            {"expose": "Gateway", "gateway": {"name": "a"}, "host": "ml.example", "tlsSecret": "a"},
        ),
    ),
    "expose: Gateway and gateway need each other": (
        (("spec", "service", "gateway"), {"name": "public"}),
        (("spec", "service"), {"expose": "Gateway"}),
    ),
    "a certificate is for a host: set host, too": ((("spec", "service"), {"expose": "Ingress", "tlsSecret": "a"}),),
    "the server has a route of its own there; choose another, such as /models/NAME": tuple(
        (("spec", "service", "path"), path) for path in ("/score", "/v2/digits", "/metrics", "/swagger.json")
    ),
    "spec.autoscaling decides how many pods there are; leave spec.replicas out": (
        (("spec", "replicas"), 2),
        (("spec", "replicas"), 0),
    ),
    "it is a share of what a pod requests: set spec.resources.requests.cpu, too": (
        (("spec",), {"models": [{"name": "a", "version": 1}], "autoscaling": {"max": 3, "cpu": 70}}),
    ),
    "exactly one of cpu and inflight": (
        (("spec", "autoscaling"), {"max": 3}),
        (("spec", "autoscaling", "inflight"), 4),
    ),
    "min may be at most max": ((("spec", "autoscaling", "min"), 5),),
    "captured requests are asked: set spec.capture.percent, too": (
        (("spec",), {"models": [{"name": "a", "version": 1}], "update": {"replay": {}}}),
    ),
    "minRequests may be at most last": ((("spec", "update", "replay", "minRequests"), 51),),
    "a canary or a shadow is loaded beside what serves, as Auto does": (
        (("spec", "update", "strategy"), "Roll"),
        (("spec", "update", "strategy"), "Recreate"),
    ),
    "exactly one of requests and configMap": (
        (("spec", "update", "gate"), {}),
        (("spec", "update", "gate", "configMap"), {"name": "a"}),
    ),
}
_OTHER_TYPES = {"string": 5, "integer": "5", "number": "5", "boolean": "yes", "array": {}, "object": "x"}


@dataclass(frozen=True)
class Example:
    """A manifest that breaks the demand `demand` of the schema at `place`."""

    manifest: Object
    place: Place
    demand: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.place))}: {self.demand}"


def good() -> list[Object]:
    """Manifests that are allowed."""
    return [_manifest(f"good-{index}", spec) for index, spec in enumerate(_SPECS)]


def bad() -> list[Example]:
    """A manifest for each demand at each place that is not allowed."""
    found: list[Example] = []
    for index, base in enumerate(good()):
        for place, demand, value in _broken(_schema(), base, ()):
            is_rule = demand.startswith("rule: ")
            known = any((each.place, each.demand) == (place, demand) for each in found)
            if index == 0 or not (is_rule or known):  # the examples of rules are of the first
                found.append(Example(_with(base, place, value, f"bad-{index}-{len(found)}"), place, demand))
    return found


def demands() -> set[str]:
    """The messages of the CRD's rules."""
    return set(_messages(_schema()))


def _schema() -> Object:
    crd = yaml.safe_load(CRD.read_text())
    schema: Object = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["status"]
    return schema


def _messages(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (rule["message"] for rule in schema.get("x-kubernetes-validations", ()))
    for child in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _messages(child)


def _manifest(name: str, spec: Object) -> Object:
    return {
        "apiVersion": "localmodel.dev/v1alpha1",
        "kind": "LocalModelDeployment",
        "metadata": {"name": name},
        "spec": copy.deepcopy(spec),
    }


_GONE = object()


def _with(base: Object, place: Place, value: Any, name: str) -> Object:
    """The manifest with another value at the place, and a name of its own."""
    changed = copy.deepcopy(base)
    changed["metadata"]["name"] = name
    holder: Any = changed
    for part in place[:-1]:
        holder = holder[part]
    if value is _GONE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = copy.deepcopy(value)
    return changed


def _broken(schema: Object, value: Any, place: Place) -> Iterator[tuple[Place, str, Any]]:
    """Every demand of the schema on this value and those below: where, what, and a value that breaks it."""
    if place:
        yield from ((place, demand, broken) for demand, broken in _values(schema, value))
    for rule in schema.get("x-kubernetes-validations", ()):
        for where, broken in _RULES[rule["message"]]:
            if _fits(where, place):
                yield where, f"rule: {rule['message']}", broken
    if isinstance(value, dict):
        yield from (((*place, name), "required", _GONE) for name in schema.get("required", ()) if place)
        if "properties" in schema:
            yield (*place, "unknown"), "unknown field", 1
        for name, child in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            if isinstance(known, dict) and child is not None and name not in ("metadata", "apiVersion", "kind"):
                yield from _broken(known, child, (*place, name))
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _broken(schema["items"], item, (*place, index))


def _fits(where: Place, place: Place) -> bool:
    """Whether a rule's example lies where the rule does: at the root, or below its place."""
    return where[: len(place)] == place


def _values(schema: Object, value: Any) -> Iterator[tuple[str, Any]]:
    """For each keyword of the schema a value that breaks it."""
    if schema.get("x-kubernetes-int-or-string"):
        yield "type", True
        yield "suffix", "1K"
        yield "sign", "-1"
        yield "type: list", []
    elif "type" in schema:
        yield "type", _OTHER_TYPES[schema["type"]]
    if "enum" in schema:
        yield "enum", "nonsense"
    if "pattern" in schema:
        yield "pattern", f" {value}"
        if schema["pattern"].endswith("$") and not schema["pattern"].endswith("\\$"):
            yield "pattern's end", f"{value}\n"
    if "minimum" in schema:
        yield "minimum", schema["minimum"] - 1
    if "maximum" in schema:
        yield "maximum", schema["maximum"] + 1
    if "minLength" in schema:
        yield "minLength", ""
    if "maxLength" in schema:
        yield "maxLength", value + "a" * (schema["maxLength"] + 1 - len(value))
    if "minItems" in schema:
        yield "minItems", []
    if "maxItems" in schema:
        keys = schema.get("x-kubernetes-list-map-keys", ())
        number = schema["maxItems"] + 1
        yield "maxItems", [_another(value[0], keys, index) for index in range(number)]
    if "minProperties" in schema:
        yield "minProperties", {}
    if "maxProperties" in schema:
        yield "maxProperties", {**value, **{f"n{i}": "1" for i in range(schema["maxProperties"])}}
    if "x-kubernetes-list-map-keys" in schema:
        yield "keys", [value[0], value[0]]


def _another(item: Any, keys: list[str], index: int) -> Any:
    """The item as one more of its list, which may have each key once."""
    return {**item, **{key: f"{item[key]}{index}" for key in keys}} if keys else item
