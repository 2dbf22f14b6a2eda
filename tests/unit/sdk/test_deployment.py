"""What a deployment's handle makes of what its target tells."""

import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from localmodel import DeployError, Deployment, UserError
from localmodel.output.progress import Progress
from localmodel.resource.manifest import Manifests
from localmodel.sdk.connections import Connections
from localmodel.targets.target import DeploymentStatus, Draft, ManifestSource

URL = "http://localhost:6789/score"
RUNNING = DeploymentStatus("digits", True, 2, URL, "")
LOADING = DeploymentStatus("digits", False, None, URL, "loading")
FAILED = DeploymentStatus("digits", False, 1, URL, "score.py:3: KeyError", stalled=True)
LOG = "ERROR revision '2' does not serve: oh\nTraceback (most recent call last):\n  File\nKeyError: 'a'\n"


class Target:
    """Says what it is told to say; the last thing again and again."""

    name = "fake"

    def __init__(self, *statuses: DeploymentStatus | UserError, deployment: Mapping[str, Any] | None = None) -> None:
        self.statuses = list(statuses)
        self.manifest = deployment or {"metadata": {"name": "digits"}, "spec": {"scoring": {"entryScript": "score.py"}}}
        self.applied: list[ManifestSource] = []
        self.refusal: UserError | None = None

    def get(self, name: str) -> DeploymentStatus:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if isinstance(status, UserError):
            raise status
        return status

    def reach(self, deployment: DeploymentStatus) -> str:
        return deployment.url

    def deployments(self) -> list[DeploymentStatus]:
        return [self.get("digits")]

    def manifests(self, name: str) -> Manifests:
        return Manifests(self.manifest, {"code": {"score.py": b""}})

    def apply(self, wanted: ManifestSource, timeout: float | None, progress: Progress) -> list[DeploymentStatus]:
        if self.refusal:
            raise self.refusal
        self.applied.append(wanted)
        return [self.get("digits")]

    def rollback(self, name: str, to: int | None, timeout: float | None, progress: Progress) -> None:
        if self.refusal:
            raise self.refusal

    def logs(self, name: str, follow: bool, lines: int | None = None) -> Iterator[str]:
        self.get(name)
        yield LOG

    def delete(self, name: str) -> None:
        self.get(name)


GONE = UserError("DeploymentNotFound", "no deployment digits")


def handle(target: Target) -> Deployment:
    return Deployment("digits", target, Connections())


@pytest.mark.parametrize(
    ("told", "state"), [(RUNNING, "running"), (LOADING, "deploying"), (FAILED, "failed"), (GONE, "deleted")]
)
def test_its_state_is_one_word(told: DeploymentStatus | UserError, state: str) -> None:
    assert handle(Target(told)).state == state


def test_a_target_out_of_reach_is_no_state() -> None:
    with pytest.raises(UserError, match="kubectl"):
        _ = handle(Target(UserError("KubectlFailed", "kubectl get: timed out"))).state


def test_its_addresses() -> None:
    deployment = handle(Target(RUNNING))
    assert (deployment.url, deployment.swagger_url) == (URL, "http://localhost:6789/swagger.json")
    assert handle(Target(FAILED)).url == URL, "an older revision serves"
    with pytest.raises(UserError, match="digits is not serving: loading"):
        _ = handle(Target(LOADING)).url


def test_waiting_ends_when_it_runs() -> None:
    handle(Target(LOADING, RUNNING)).wait(timeout=5)


def test_waiting_ends_when_it_has_failed_with_the_scripts_traceback() -> None:
    with pytest.raises(DeployError, match=r"score\.py:3: KeyError") as caught:
        handle(Target(LOADING, FAILED)).wait(timeout=5)
    assert caught.value.traceback.endswith("KeyError: 'a'")


def test_waiting_ends_in_time() -> None:
    with pytest.raises(DeployError, match=r"not running after 0\.01 s: loading") as caught:
        handle(Target(LOADING)).wait(timeout=0.01)
    assert caught.value.reason == "ProgressDeadlineExceeded"


def test_an_update_changes_what_is_named_and_passes_the_rest_on() -> None:
    target = Target(RUNNING)
    handle(target).update(port=7000, variables={"A": "1"})
    (wanted,) = target.applied
    assert isinstance(wanted, Draft)
    assert wanted.manifests == wanted.keep()
    assert wanted.manifests.deployment["spec"] == {
        "scoring": {"entryScript": "score.py"},
        "service": {"localPort": 7000},
        "env": [{"name": "A", "value": "1"}],
    }
    assert wanted.manifests.config_maps == {"code": {"score.py": b""}}


@pytest.mark.parametrize(
    ("reason", "traceback"),
    [("RevisionFailed", True), ("InitFailed", True), ("GateFailed", True), ("PortTaken", False)],
)
def test_a_change_that_does_not_serve_has_the_scripts_traceback_if_that_is_why(reason: str, traceback: bool) -> None:
    target = Target(RUNNING)
    target.refusal = UserError(reason, "revision 2 does not serve: score.py:3: KeyError: 'a'")
    with pytest.raises(DeployError, match=r"score\.py:3: KeyError: 'a'") as caught:
        handle(target).update(port=7000)
    assert caught.value.reason == reason
    assert ("Traceback" in caught.value.traceback) == ("Traceback" in str(caught.value)) == traceback


@pytest.mark.parametrize("reason", ["InvalidManifest", "DeploymentNotFound", "RevisionNotFound"])
def test_a_request_that_is_not_valid_is_no_deploy_that_failed(reason: str) -> None:
    target = Target(RUNNING)
    target.refusal = UserError(reason, "spec.service.localPort: 'x' is not of type integer")
    for ask in (handle(target).update, handle(target).rollback):
        with pytest.raises(UserError, match=r"localPort: 'x'") as caught:
            ask()
        assert type(caught.value) is UserError and caught.value.reason == reason


def test_a_log_out_of_reach_does_not_hide_the_error() -> None:
    target = Target(UserError("KubectlFailed", "no cluster"))
    target.refusal = UserError("RevisionFailed", "the reason")
    with pytest.raises(DeployError, match=r"^the reason$"):
        handle(target).update(port=7000)


def test_what_was_applied_with_a_manifest_is_not_reloaded() -> None:
    with pytest.raises(UserError, match="applied as a manifest") as caught:
        handle(Target(RUNNING)).reload()
    assert caught.value.reason == "SourceUnknown"


def test_a_source_that_has_gone_is_named() -> None:
    deployment = {
        "metadata": {"name": "digits", "annotations": {"localmodel.dev/source": "/no/such/folder"}},
        "spec": {"scoring": {"entryScript": "score.py"}},
    }
    with pytest.raises(UserError, match="/no/such/folder: the source no longer exists") as caught:
        handle(Target(RUNNING, deployment=deployment)).reload()
    assert caught.value.reason == "SourceMissing"


def test_deleting_what_has_gone_is_an_error_unless_that_is_fine() -> None:
    with pytest.raises(UserError, match="no deployment digits"):
        handle(Target(GONE)).delete()
    handle(Target(GONE)).delete(missing_ok=True)


def test_deploy_errors_pass_between_processes() -> None:
    error = pickle.loads(pickle.dumps(DeployError("RevisionFailed", "text", "Traceback")))
    assert (error.reason, str(error), error.traceback) == ("RevisionFailed", "text\n\nTraceback", "Traceback")


def test_it_shows_itself() -> None:
    assert repr(handle(Target(RUNNING))) == "Deployment('digits', target='fake')"
