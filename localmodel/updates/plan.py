"""Plans an edit: compares what is wanted with what serves, and chooses the cheapest safe way, on plain values.

The way is called a lane: `nothing`, `patch` (children change, no pod restarts), `swap` (loaded beside the old
revision), `roll` (new pods or servers) or `rebuild` (a new environment first). The table of fields is in
docs/reference/updates.md; a test compares it with this file and the CRD.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from localmodel import digests
from localmodel.disk import state_file
from localmodel.resource import capture, stages
from localmodel.resource.spec import DeploymentSpec
from localmodel.store import ModelVersion
from localmodel.updates import revision

PORT = "spec.service.localPort"
_EXPOSE = "spec.service.expose"
# Cheapest first; a plan takes the most expensive lane that one of its changes needs.
LANES = ("nothing", "patch", "swap", "roll", "rebuild")

# With more files, a record of all digests would be too large.
_MOST_FILES_NAMED = 100
_MOST_NAMES_SAID = 6
_NOT_TRIED = (
    "nothing: pods cannot load the revision beside the one that serves, and spec.update.shadow and canary ask for "
    "that; take them out of the manifest for this edit"
)
# What is loaded with a revision, by the name of its facts.
_LOADED = {
    "models": "spec.models",
    "variables": "spec.env",
    "server": "spec.server",
    "capture": "spec.capture",
    "replay": "spec.update.replay",
}


@dataclass(frozen=True)
class Facts:
    """One side of the comparison. Values are digests or short texts; equal values mean that nothing is to be done.

    base: the base image. lock: digest of the packages. code: digest of the source folder and the entry script's name.
    files: digests by path, if they are few. models: name -> `version@digest`. variables: name -> digest of the value.
    secrets: variables from a Secret, name -> the Secret's version. server: field of spec.server -> value. capture:
    field of spec.capture -> value, none if nothing is captured. replay: the same of spec.update.replay. gate: digest of
    the requests, or "". fixed: fields that only a new server can change, name -> value. beside: fields that change
    without the server. generated: what the script was generated for, and trial: how a revision is tried on clients'
    requests, which are only told.
    """

    python: str = ""
    base: str = ""
    lock: str = ""
    code: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    server: Mapping[str, str] = field(default_factory=dict)
    capture: Mapping[str, str] = field(default_factory=dict)
    replay: Mapping[str, str] = field(default_factory=dict)
    gate: str = ""
    fixed: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    strategy: str = "Auto"
    suspend: bool = False
    generated: str = ""
    trial: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None) -> "Facts | None":
        """The facts from the result of `as_json()` of any version, or None from None.

        Raises:
            ValueError: the content is something else.
        """
        return state_file.known(content, cls) if content else None


@dataclass(frozen=True)
class Plan:
    """A plan: its `lane` (one of LANES), its steps in order, and the reason, a sentence that names the fields."""

    lane: str
    steps: tuple[str, ...]
    reason: str


def plan(desired: Facts, observed: Facts | None, can_swap: str | None = None) -> Plan:
    """Plan the way from what is observed, None if there is nothing, to what is desired, for pods.

    `can_swap` is None, or why pods cannot load another revision now ("there is no room for a second worker").
    """
    if desired.suspend:
        return Plan("nothing", (), "spec.suspend is true: edits wait")
    if observed is None:
        return Plan("rebuild", _steps({"rebuild", "swap"}, "rebuild", desired), "there is no revision to compare with")
    changes = list(_changes(desired, observed))
    if not changes:
        return Plan("nothing", (), "nothing has changed")
    needed = {change.lane for change in changes}
    lane = max(needed, key=LANES.index)
    reason = "; ".join(change.text for change in changes)
    hindrance = can_swap if desired.strategy == "Auto" else f"spec.update.strategy is {desired.strategy}"
    if lane == "swap" and hindrance:
        lane, reason = "roll", f"{reason}; not swapped, because {hindrance}"
    if desired.trial and (lane == "rebuild" or desired.secrets != observed.secrets or (hindrance and "swap" in needed)):
        return Plan(lane, (_NOT_TRIED,), reason)
    return Plan(lane, _steps(needed, lane, desired), reason)


def cause(desired: Facts, before: Facts | None, otherwise: str) -> str:
    """Why there is a new revision: how it differs from the one that served last.

    `otherwise` is the cause by digests, used if the facts do not differ.
    """
    planned = plan(desired, before) if before else None
    return planned.reason if planned and planned.lane != "nothing" else otherwise


def of_pods(
    spec: DeploymentSpec,
    *,
    lock: str,
    code: str,
    files: Mapping[str, bytes],
    models: Iterable[ModelVersion],
    variables: Mapping[str, str],
    secrets: Mapping[str, str],
    gate: str = "",
) -> Facts:
    """The facts of a spec whose environment `served_spec.of()` has completed, for pods of a cluster.

    `lock`, `code` and `gate` are digests. `variables` are plain or from a ConfigMap, name -> value. `secrets` are
    name -> what changes with the Secret (its uid and resourceVersion), never its value.
    """
    return Facts(
        python=spec.environment.python,
        base=spec.environment.base,
        **of_worker(spec, lock, code, files, models, variables, gate),
        secrets=dict(secrets),
        fixed=fixed_of_pods(spec),
        beside=beside_pods(spec),
        strategy=spec.strategy,
        suspend=spec.suspend,
        trial=", then ".join(stage.text for stage in stages.of(spec.shadow, spec.canary)),
    )


def fixed_of_pods(spec: DeploymentSpec) -> dict[str, str]:
    """`Facts.fixed`: fields that only a new pod can change."""
    pod = {f"spec.pod.{name}": digests.of_json(spec.pod[name]) for name in spec.pod}
    named = {"host": spec.route.host, "path": spec.route.path}
    route = {f"spec.service.{name}": value for name, value in named.items() if value}
    return {"spec.resources": digests.of_json(dict(spec.resources)), **route, **pod}


def beside_pods(spec: DeploymentSpec) -> dict[str, str]:
    """`Facts.beside`: fields that change without the pods; without a port in the spec, the current one stays."""
    port = {PORT: str(spec.local_port)} if spec.local_port else {}
    # Facts that were recorded before the field existed do not have it.
    expose = {_EXPOSE: spec.expose} if spec.expose != "Auto" else {}
    scaled = asdict(spec.autoscaling) if spec.autoscaling else {}
    autoscaling = {f"spec.autoscaling.{name}": str(value) for name, value in scaled.items() if value is not None}
    return {"spec.replicas": str(spec.replicas), **expose, **port, **_leading_there(spec), **autoscaling}


def _leading_there(spec: DeploymentSpec) -> dict[str, str]:
    """The fields of an Ingress or a Gateway that the server need not know."""
    route, gateway = spec.route, asdict(spec.route.gateway) if spec.route.gateway else {}
    named = {"ingressClass": route.ingress_class, "tlsSecret": route.tls_secret}
    named |= {f"gateway.{name}": value for name, value in gateway.items()}
    return {f"spec.service.{name}": value for name, value in named.items() if value}


def of_worker(
    spec: DeploymentSpec,
    lock: str,
    code: str,
    files: Mapping[str, bytes],
    models: Iterable[ModelVersion],
    variables: Mapping[str, str],
    gate: str,
) -> dict[str, Any]:
    """The facts that do not depend on the target."""
    named = files if len(files) <= _MOST_FILES_NAMED else {}
    return {
        "lock": lock,
        "code": code,
        "files": {path: revision.file_digest(named[path]) for path in named},
        "models": {model.name: f"{model.version}@{model.digest}" for model in models},
        "variables": {name: digests.of_bytes(variables[name].encode()) for name in variables},
        "server": {name: str(value) for name, value in spec.server.as_manifest().items()},
        "capture": capture.facts(spec.capture),
        "replay": capture.facts(spec.replay),
        "gate": gate,
        "generated": spec.generated,
    }


@dataclass(frozen=True)
class _Change:
    lane: str
    text: str


def _changes(desired: Facts, observed: Facts) -> Iterator[_Change]:
    environment = {"python": "python", "base": "baseImage", "lock": "packages"}
    if changed := [word for name, word in environment.items() if getattr(desired, name) != getattr(observed, name)]:
        yield _Change("rebuild", _cause("spec.environment", changed))
    for name in _differing(desired.fixed, observed.fixed):
        yield _Change("roll", _cause(name, []))
    if changed := _differing(desired.secrets, observed.secrets):
        yield _Change("roll", f"{_cause('spec.env', changed)} (from a Secret, which only the pod sees)")
    if desired.code != observed.code:
        files_known = desired.files and observed.files
        yield _Change("swap", _cause("spec.scoring", _differing(desired.files, observed.files) if files_known else []))
    for field_name, word in _LOADED.items():
        if changed := _differing(getattr(desired, field_name), getattr(observed, field_name)):
            yield _Change("swap", _cause(word, changed))
    if desired.gate != observed.gate:
        yield _Change("swap", f"{_cause('spec.update.gate', [])}: the revision is proved again")
    for name in _differing(desired.beside, observed.beside):
        yield _Change("patch", _cause(name, []))


def _differing(desired: Mapping[str, str], observed: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*desired, *observed} if desired.get(name) != observed.get(name))


def _cause(name: str, parts: list[str]) -> str:
    if len(parts) > _MOST_NAMES_SAID:
        parts = [*parts[: _MOST_NAMES_SAID - 1], f"{len(parts) - _MOST_NAMES_SAID + 1} more"]
    return f"{name} changed: {', '.join(parts)}" if parts else f"{name} changed"


def _steps(needed: set[str], lane: str, desired: Facts) -> tuple[str, ...]:
    new_image = needed & {"swap", "rebuild"}
    new_pods, recreated = lane in ("roll", "rebuild"), desired.strategy == "Recreate"
    steps = [
        ("patch" in needed, "Deployment and Service are patched"),
        (lane == "rebuild", "the environment is built, unless it is there"),
        (lane == "swap", "every pod makes workers of the new revision beside those that serve"),
        (lane == "swap" and desired.gate, "every pod asks them the gate's requests"),
        (lane == "swap" and desired.replay, "every pod asks them captured requests, and compares the answers"),
        ("swap" in needed and desired.trial, f"the new revision {desired.trial}, unless it fails there"),
        (lane == "swap", "all pods switch; the old workers finish what they have begun"),
        (new_image, "the image is composed, and the nodes get the layers that they lack"),
        (lane == "swap", "pods with the image follow one by one, while the service goes on"),
        (new_pods and desired.gate, "each new pod passes the gate before it is ready"),
        (new_pods and recreated, "every old pod ends, then new ones start: nothing answers meanwhile"),
        (new_pods and not recreated, "new pods start; each old one ends once a new one is ready"),
    ]
    return tuple(text for holds, text in steps if holds)
