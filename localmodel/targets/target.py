"""The interface of a target, and the values that it returns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from localmodel.notebook import html
from localmodel.output.progress import Progress
from localmodel.resource.manifest import Manifests
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.cluster_view import ClusterView
from localmodel.updates.plan import Facts

if TYPE_CHECKING:
    from localmodel.store import Store


@dataclass(frozen=True)
class Draft:
    """A manifest together with what it names and the store does not have yet.

    `store` has all of it. `keep` registers it, and gives the manifest that names it then: so a plan registers nothing,
    and neither does an apply that is refused.
    """

    manifests: Manifests
    store: "Store"
    keep: Callable[[], Manifests]


# A path of a manifest file or of a folder with a kustomization, or what such a path would hold
ManifestSource = Path | Mapping[str, Any] | Manifests | Draft


@dataclass(frozen=True)
class DeploymentStatus:
    """A deployment as it is now.

    Attributes:
        name: the deployment's name.
        ready: whether the revision that was applied last serves.
        serving: the number of the revision that answers; None if none does.
        url: the scoring address.
        message: what is wrong if it is not ready.
        stalled: whether it stays so until something is changed.
        durable: the number of the revision that a restart would serve.
        detail: why that is another revision, or why the newest one does not serve.
        stopped: whether it was stopped, and stays so until it is started.
        damaged: whether its files on this machine cannot be read; `message` names the file.
        scoring: what the script was generated for, such as `generated for sklearn 1.9.1`; empty if it has its own.
    """

    name: str
    ready: bool
    serving: int | None
    url: str
    message: str
    stalled: bool = False
    durable: int | None = None
    detail: str = ""
    damaged: bool = False
    scoring: str = ""
    stopped: bool = False

    @property
    def state(self) -> Literal["running", "stopped", "failed", "deploying"]:
        """The status in one word, as in Deployment.state."""
        if self.ready:
            return "running"
        if self.stopped:
            return "stopped"
        return "failed" if self.stalled else "deploying"

    @property
    def why(self) -> str:
        """What is wrong, or else why the newest revision does not serve; empty if it does."""
        return self.message or self.detail

    def _row(self) -> dict[str, str]:
        return {
            "name": self.name,
            "state": self.state,
            "revision": str(self.serving or ""),
            "url": self.url if self.serving else "",
            "message": self.why,
        }

    @property
    def page(self) -> str:
        """The address of its own page; empty while nothing answers."""
        return f"{self.url.removesuffix('/score')}/ui" if self.serving and self.url else ""

    def _repr_html_(self) -> str:
        return html.fields({**self._row(), "page": self.page})


@dataclass(frozen=True)
class Planned:
    """What apply would do with a deployment.

    Attributes:
        name: the deployment's name.
        lane: one of plan.LANES.
        steps: what is done, in order.
        reason: a sentence that names the changed fields.
    """

    name: str
    lane: str
    steps: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class PastRevision:
    """A revision that a deployment serves, has served, or failed to serve.

    Attributes:
        revision: its number.
        created: a time in RFC 3339.
        cause: what changed, in words.
        content: a digest of bundle and settings.
        code: the digest of the source folder.
        models: the digest of each `name:version`.
        digests: the digests of base, server, lock, bundle and settings.
        serving: whether it serves now.
        durable: whether a restart would serve it.
        failed: why it does not serve, as `Reason: text`.
        trial_failed: why its trial on clients' requests failed, likewise.
    """

    revision: int
    created: str
    cause: str
    content: str
    code: str
    models: Mapping[str, str]
    digests: Mapping[str, str]
    serving: bool = False
    durable: bool = False
    failed: str = ""
    trial_failed: str = ""

    @property
    def states(self) -> list[str]:
        """What holds of it, in words: of `serving`, `durable`, `failed` and `trial failed` those that do."""
        words = ("serving", "durable", "failed", "trial_failed")
        return [word.replace("_", " ") for word in words if getattr(self, word)]

    def _row(self) -> dict[str, str]:
        return {
            "revision": str(self.revision),
            "created": self.created,
            "state": ", ".join(self.states),
            "models": ", ".join(self.models),
            "cause": self.cause,
            "failed": self.failed or self.trial_failed,
        }

    def _repr_html_(self) -> str:
        return html.fields(self._row())


class Target(Protocol):
    """Where deployments run. Every method may raise `UserError`."""

    name: str  # the value of --target

    def apply(self, wanted: ManifestSource, timeout: float | None, progress: Progress) -> list[DeploymentStatus]:
        """Serve what is wanted, and wait until it serves.

        `timeout` is in seconds; None means the manifest's progress deadline.
        """

    def plan(self, wanted: ManifestSource, progress: Progress) -> list[Planned]:
        """What `apply` would do, and why; nothing is built or changed."""

    def history(self, name: str) -> list[PastRevision]:
        """The deployment's kept revisions, newest first."""

    def code(self, name: str, revision: int) -> dict[str, bytes]:
        """The first MB of each file in the revision's source folder, by path; empty where this machine lacks them."""

    def facts(self, name: str, revision: int) -> Facts | None:
        """What the planner has recorded of the revision, without anybody's secrets; None where there is no record."""

    def rollback(self, name: str, to: int | None, timeout: float | None, progress: Progress) -> DeploymentStatus:
        """Serve revision `to` again, or the one that served before, until something else is applied.

        `timeout` is in seconds; None means the manifest's progress deadline.
        """

    def promote(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        """Have the revision serve that is tried on clients' requests, and wait until it does.

        `timeout` is in seconds; None means the manifest's progress deadline.
        """

    def abort(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        """Have the revision given up that is tried on clients' requests, and wait until it is."""

    def start(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        """Serve the revision that served last, unless one serves; what was applied since and failed stays pending.

        `timeout` is in seconds; None is the manifest's progress deadline.
        """

    def stop(self, name: str, progress: Progress) -> DeploymentStatus:
        """End the server and keep everything else."""

    def restart(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        """Replace the server by a new one with the same revision and port; start it if none runs."""

    def deployments(self, choose: Callable[[list[str]], list[str]] = list) -> list[DeploymentStatus]:
        """Every deployment of this target, or those of its names that `choose` picks: only these are looked at."""

    def get(self, name: str) -> DeploymentStatus:
        """The deployment of this name."""

    def reach(self, deployment: DeploymentStatus) -> str:
        """The URL at which this process can ask the deployment, which may be another one than users see."""

    def metrics(self, name: str) -> list[str]:
        """What each server of the deployment says at /metrics; nothing of one that does not answer."""

    def in_cluster(self, name: str) -> ClusterView | None:
        """What the cluster says of the deployment; None where there is no cluster."""

    def manifests(self, name: str) -> Manifests:
        """The manifests of the last apply."""

    def logs(self, name: str, follow: bool, lines: int | None = None) -> Iterator[str]:
        """The deployment's log, or its last `lines`, in pieces of text; with `follow`, also what is added later."""

    def captured(self, name: str, count: int, containing: str = "") -> list[CapturedRequest]:
        """The last requests that the deployment has captured, oldest first; of those whose records have the text."""

    def delete(self, name: str) -> None:
        """Stop the deployment and forget it."""
