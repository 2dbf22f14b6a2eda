"""A LocalModelDeployment as plain values, from the API server or a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localmodel import digests, reasons
from localmodel.errors import UserError
from localmodel.resource import capture, replay
from localmodel.resource.server_settings import ServerSettings

# Names of images built from the Dockerfiles of environments
BUILT_BASE_REPOSITORY = "localmodel.dev/base"
# Variables of the scoring server for `Route.host` and `Route.path`
ROUTE_VARIABLES = ("LOCALMODEL_PUBLIC_HOST", "LOCALMODEL_PUBLIC_PATH")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class ModelRef:
    """A model: a version in the store, or what is at an address.

    Attributes:
        name: its name in the store.
        version: its number there; 0: the `uri` leads to it.
        uri: the address, or "".
        digest: the digest that the version must have, or "".
        credentials: the name of a Secret with what the address asks for, or "".
        refresh: after how many seconds an operator looks at the address again; 0: never.
    """

    name: str
    version: int = 0
    uri: str = ""
    digest: str = ""
    credentials: str = ""
    refresh: float = 0.0


@dataclass(frozen=True)
class CodeRef:
    """A version of a source folder in the store."""

    name: str
    version: int


@dataclass(frozen=True)
class GitRef:
    """A source folder in a Git repository.

    Attributes:
        url: where the repository is cloned from.
        ref: a branch, a tag or a commit; "": the branch that the repository shows first.
        path: the folder in it; "": all of it.
        credentials: the name of a Secret with user name and password, or "".
        refresh: after how many seconds an operator looks again where the branch leads to; 0: never.
    """

    url: str
    ref: str = ""
    path: str = ""
    credentials: str = ""
    refresh: float = 0.0


@dataclass(frozen=True)
class EnvironmentRef:
    """A version of an environment in the store."""

    name: str
    version: int


@dataclass(frozen=True)
class Source:
    """The entry script's folder: exactly one of a ConfigMap's name, inline files (name -> text), stored code, or Git.

    With none of them, the script is generated from the model.
    """

    config_map: str | None = None
    inline: Mapping[str, str] | None = None
    code: CodeRef | None = None
    git: GitRef | None = None

    @property
    def is_generated(self) -> bool:
        """Whether the script is yet to be generated from the model."""
        return self == Source()


@dataclass(frozen=True)
class KeyRef:
    """A key of a ConfigMap or a Secret (`kind`) in the resource's namespace.

    If it is `optional`, the variable is not set without the object or the key.
    """

    kind: str
    name: str
    key: str
    optional: bool = False

    def version(self, *observed: str) -> tuple[str, ...]:
        """The parts that cause new pods when they change. `found` has uid and version of the object, if it exists."""
        return (*(observed or ("absent",)), "optional") if self.optional else observed


@dataclass(frozen=True)
class Variable:
    name: str
    value: str = ""
    value_from: KeyRef | None = None


@dataclass(frozen=True)
class EnvironmentSpec:
    """The Python, packages and base image that a script runs with.

    Attributes:
        python: the version, as `major.minor`.
        requirements: a tuple of requirements, such as `"numpy==2.4.6"`; a single text is refused. See
            [what a requirement may be](../packages.md#what-a-requirement-may-be).
        base_image: the image below the packages; None: the default of this Python.
        dockerfile: the text of a Dockerfile that makes the base image; only for environments in the store.
    """

    python: str = "3.11"
    requirements: tuple[str, ...] = ()
    base_image: str | None = None
    dockerfile: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.requirements, str):
            message = f"requirements: give a tuple such as ({self.requirements!r},), not a single text"
            raise UserError(reasons.ARGUMENT_INVALID, message)

    @property
    def base(self) -> str:
        """The reference of the base image."""
        if self.dockerfile is not None:
            digest = digests.of_bytes(self.dockerfile.encode()).removeprefix("sha256:")
            return f"{BUILT_BASE_REPOSITORY}:{digest[:32]}"
        return self.base_image or self._default_base

    @property
    def is_own_base(self) -> bool:
        """Whether the base image is the user's, so that its packages are used too."""
        return self.base != self._default_base

    @property
    def _default_base(self) -> str:
        return f"python:{self.python}-slim"


@dataclass(frozen=True)
class GateSpec:
    """Requests that a revision must pass before it serves, as in the manifest, or the name of a ConfigMap with them."""

    requests: tuple[Mapping[str, Any], ...] = ()
    config_map: str | None = None


@dataclass(frozen=True)
class GatewayRef:
    """A Gateway of the Gateway API.

    Attributes:
        name: its name.
        namespace: where it is; "": where the resource is.
        listener: the one that is to lead there, or "".
    """

    name: str
    namespace: str = ""
    listener: str = ""


@dataclass(frozen=True)
class Route:
    """What an Ingress or a Gateway leads to a deployment from.

    Attributes:
        host: the name that users call, or "".
        path: the path below which it answers, as `/path`, or "".
        ingress_class: the class of the Ingress, or "".
        tls_secret: the name of a Secret with the certificate of an Ingress, or "".
        gateway: the Gateway, for an HTTPRoute.
    """

    host: str = ""
    path: str = ""
    ingress_class: str = ""
    tls_secret: str = ""
    gateway: GatewayRef | None = None

    @classmethod
    def from_manifest(cls, service: Mapping[str, Any]) -> "Route":
        """The route of a valid `spec.service`."""
        gateway = service.get("gateway")
        return cls(
            service.get("host", ""),
            service.get("path", ""),
            service.get("ingressClass", ""),
            service.get("tlsSecret", ""),
            GatewayRef(**gateway) if gateway else None,
        )

    def variables(self) -> dict[str, str]:
        """What the scoring server has to know of it, whichever revision it serves."""
        named = zip(ROUTE_VARIABLES, (self.host, self.path), strict=True)
        return {name: value for name, value in named if value}


@dataclass(frozen=True)
class Autoscaling:
    """How many pods an autoscaler may have, and what it goes by: exactly one of the other two.

    Attributes:
        min: least number of pods.
        max: largest number of pods.
        cpu: share of the requested CPU that pods are to use, in percent, or None.
        inflight: requests that a pod is to have at once, or None.
    """

    min: int
    max: int
    cpu: int | None = None
    inflight: int | None = None


@dataclass(frozen=True)
class DeploymentSpec:
    """The spec of one LocalModelDeployment, defaults filled in. Field names follow crds/.

    With an `environment_ref`, `environment` and its variables are in the store; with an `environment_file`, they are in
    that file of the source, and `of_source.filled_in()` reads it. Without a script, it is generated from
    the model. `served_spec.of()` completes both, and says in `generated` what the script was generated for.
    `own_python`: whether the manifest says which Python. `local_port` is None if the manifest does not name one. `pod`,
    `capture`, `replay`, `shadow` and `canary` are as in the manifest; the last four are empty if nothing is captured,
    asked again, or tried on clients' requests.
    """

    entry_script: str
    source: Source
    models: tuple[ModelRef, ...] = ()
    environment: EnvironmentSpec = EnvironmentSpec()
    environment_ref: EnvironmentRef | None = None
    environment_file: str = ""
    own_python: bool = False
    generated: str = ""
    env: tuple[Variable, ...] = ()
    server: ServerSettings = field(default_factory=ServerSettings)
    capture: Mapping[str, Any] = field(default_factory=dict)
    expose: str = "Auto"
    local_port: int | None = None
    route: Route = Route()
    replicas: int = 1
    autoscaling: Autoscaling | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)
    strategy: str = "Auto"
    gate: GateSpec | None = None
    replay: Mapping[str, Any] = field(default_factory=dict)
    shadow: Mapping[str, Any] = field(default_factory=dict)
    canary: Mapping[str, Any] = field(default_factory=dict)
    progress_deadline_seconds: int = 300
    revision_history_limit: int = 5
    suspend: bool = False

    def server_variables(self) -> dict[str, str]:
        """The variables that tell a server what the spec says of it, wherever it runs."""
        return {**self.server.variables(), **capture.settings(self.capture), **replay.settings(self.replay)}


def parse(spec: Mapping[str, Any]) -> DeploymentSpec:
    """Parse a `spec` that the schema has checked, with its defaults."""
    scoring, environment, server, update = spec.get("scoring"), spec["environment"], spec["server"], spec["update"]
    return DeploymentSpec(
        entry_script=scoring["entryScript"] if scoring else "",
        source=_source(scoring["source"]) if scoring else Source(),
        models=tuple(_model(model) for model in spec["models"]),
        environment=EnvironmentSpec(
            environment.get("python", EnvironmentSpec.python),
            tuple(environment["requirements"]),
            environment.get("baseImage"),
        ),
        own_python="python" in environment,
        environment_ref=EnvironmentRef(**environment["ref"]) if "ref" in environment else None,
        environment_file=environment.get("file", ""),
        env=tuple(_variable(variable) for variable in spec["env"]),
        server=ServerSettings.from_manifest(server),
        capture=capture.of_manifest(spec.get("capture", {})),
        expose=spec["service"].get("expose", "Auto"),
        local_port=spec["service"].get("localPort"),
        route=Route.from_manifest(spec["service"]),
        replicas=spec["replicas"],
        autoscaling=Autoscaling(**spec["autoscaling"]) if "autoscaling" in spec else None,
        resources=spec["resources"],
        pod={name: value for name, value in spec.get("pod", {}).items() if value},
        strategy=update["strategy"],
        gate=_gate(update["gate"]) if "gate" in update else None,
        replay=update.get("replay", {}),
        shadow=update.get("shadow", {}),
        canary=update.get("canary", {}),
        progress_deadline_seconds=update["progressDeadlineSeconds"],
        revision_history_limit=spec["revisionHistoryLimit"],
        suspend=spec["suspend"],
    )


def _model(model: Mapping[str, Any]) -> ModelRef:
    version, uri, digest = model.get("version", 0), model.get("uri", ""), model.get("digest", "")
    return ModelRef(model["name"], version, uri, digest, **_asking(model))


def _asking(place: Mapping[str, Any]) -> dict[str, Any]:
    """Who asks at an address, and how often."""
    interval = place.get("refresh", {}).get("interval", "0s")
    refresh = float(int(interval[:-1]) * _SECONDS[interval[-1]])
    return {"credentials": place.get("credentials", {}).get("secret", ""), "refresh": refresh}


def _source(source: Mapping[str, Any]) -> Source:
    code, git = source.get("code"), source.get("git")
    return Source(
        source.get("configMap", {}).get("name"),
        source.get("inline"),
        CodeRef(**code) if code else None,
        GitRef(git["url"], git.get("ref", ""), git.get("path", ""), **_asking(git)) if git else None,
    )


def _gate(gate: Mapping[str, Any]) -> GateSpec:
    return GateSpec(tuple(gate.get("requests", ())), gate.get("configMap", {}).get("name"))


def _variable(variable: Mapping[str, Any]) -> Variable:
    kinds = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}
    for field_name, reference in variable.get("valueFrom", {}).items():
        return Variable(variable["name"], value_from=KeyRef(kinds[field_name], **reference))
    return Variable(variable["name"], variable.get("value", ""))
