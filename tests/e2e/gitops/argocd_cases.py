"""GitOps with Argo CD: a commit is an edit, and Argo CD says of it what the address answers.

`hack/argocd-test` runs it; no test run collects it.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator

import argocd
import pytest
import yaml
from argocd import ArgoCd, health
from gitops_site import kustomization
from kube import SAMPLE, Cluster, Namespace, eventually, take_port
from load import Load, ask, ask_if_reachable, ask_often
from operator_process import LMD
from support import git_server, given

SERVE = "localmodel.dev/serve-revision"
WAVE = "argocd.argoproj.io/sync-wave"
KUSTOMIZATION = "digits/kustomization.yaml"
DIGITS, LETTERS, SCRIPT = "digits/digits.yaml", "digits/letters.yaml", "digits/score.py"
BROKEN = "def init():\n    {}['age']\n\n\ndef run(raw_data):\n    return 0\n"


def no_difference(site: ArgoCd) -> None:
    """Wait for none: while a status is written, the cluster has another object than the controller has seen."""
    eventually(lambda: site.differences() == "", "argocd app diff prints nothing", 60, every=2)


def text(manifest: given.Object, wave: int = 0) -> str:
    metadata = {**manifest["metadata"], "annotations": {WAVE: str(wave)}} if wave else manifest["metadata"]
    return yaml.safe_dump({**manifest, "metadata": metadata})


@pytest.fixture(scope="module")
def digits(shared_port: int) -> given.Object:
    return given.lmd("digits", shared_port, given.from_config_map("digits-score"))


@pytest.fixture(scope="module")
def other_port(cluster: Cluster, ports: Iterator[int]) -> int:
    return take_port(cluster, ports)


@pytest.fixture(scope="module")
def site(cluster: Cluster, shared_namespace: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgoCd]:
    """Argo CD, and a repository that it applies to the namespace of this file."""
    folder = tmp_path_factory.mktemp("argocd")
    with (
        git_server.serving(folder / "repository") as git,
        argocd.running(cluster, git, shared_namespace.name, folder / "processes") as site,
    ):
        yield site


@pytest.fixture(autouse=True)
def nothing_differs_in_the_end(site: ArgoCd) -> Iterator[None]:
    yield
    no_difference(site)


def test_the_first_commit_is_healthy_when_it_answers(site: ArgoCd, shared_port: int, digits: given.Object) -> None:
    status = site.commit(
        {
            KUSTOMIZATION: kustomization("digits.yaml"),
            "digits/kustomizeconfig.yaml": (SAMPLE / "kustomizeconfig.yaml").read_text(),
            DIGITS: text(digits),
            SCRIPT: given.script("first"),
        }
    )
    assert (health(status), ask(shared_port)) == ("Healthy", "first"), status


def test_an_edited_script_is_healthy_when_it_answers(site: ArgoCd, shared_port: int) -> None:
    with Load(shared_port):
        status = site.commit({SCRIPT: given.script("second")})
        assert (health(status), ask(shared_port)) == ("Healthy", "second"), status


def test_a_broken_commit_is_degraded_and_its_line_is_named(
    site: ArgoCd, shared_namespace: Namespace, shared_port: int
) -> None:
    number = shared_namespace.serving("digits")
    with Load(shared_port):
        assert health(site.commit({SCRIPT: BROKEN})) == "Degraded"
        assert site.resource("digits")["health"] == {
            "status": "Degraded",
            "message": f"init() failed: score.py:2: KeyError: 'age' (revision {number} goes on serving)",
        }
        assert ask(shared_port) == "second"


def test_a_revert_serves_and_is_healthy_again(site: ArgoCd, shared_port: int) -> None:
    with Load(shared_port):
        assert (health(site.revert()), ask(shared_port)) == ("Healthy", "second")


def test_what_fails_its_gate_is_degraded(site: ArgoCd, shared_port: int, digits: given.Object) -> None:
    gate = {"gate": {"requests": [{"name": "word", "expect": {"json": "third"}}]}}
    with Load(shared_port):
        assert health(site.commit({DIGITS: text(given.with_fields(digits, update=gate))})) == "Degraded"
        message = site.resource("digits")["health"]["message"]
        assert 'gate: request 1 (word): $: expected "third", got "second"' in message
        assert ask(shared_port) == "second"
        assert (health(site.commit({SCRIPT: given.script("third")})), ask(shared_port)) == ("Healthy", "third")


def test_what_the_manifest_suspends_waits(site: ArgoCd, shared_port: int, digits: given.Object) -> None:
    suspended = given.with_fields(digits, suspend=True)
    with Load(shared_port):
        status = site.commit({DIGITS: text(suspended), SCRIPT: given.script("fourth")})
        assert (health(status), ask(shared_port)) == ("Suspended", "third"), status
        assert (health(site.commit({DIGITS: text(digits)})), ask(shared_port)) == ("Healthy", "fourth")


def test_what_waits_for_a_person_is_suspended(
    site: ArgoCd, shared_namespace: Namespace, shared_port: int, digits: given.Object
) -> None:
    trial = {"canary": {"steps": [{"percent": 20, "seconds": 1}], "minRequests": 5, "promote": "Manual"}}
    with Load(shared_port, per_second=40):
        tried = {DIGITS: text(given.with_fields(digits, update=trial)), SCRIPT: given.script("tried")}
        status = site.commit(tried)
        assert health(status) == "Suspended", status
        assert "lmd promote" in site.resource("digits")["health"]["message"]
        where = ["--context", shared_namespace.cluster.context, "--namespace", shared_namespace.name]
        subprocess.run([LMD, "promote", "digits", "--target", "kind", *where], check=True, capture_output=True)
        assert ask_often(shared_port) == ["tried"]
        site.refresh()
        eventually(lambda: health(site.status()) == "Healthy", "the promoted revision is healthy", 60)
        back = {DIGITS: text(digits), SCRIPT: given.script("fourth")}
        assert (health(site.commit(back)), ask(shared_port)) == ("Healthy", "fourth")


def test_a_rollback_survives_a_sync_until_the_next_commit(
    site: ArgoCd, shared_namespace: Namespace, shared_port: int
) -> None:
    number = shared_namespace.serving("digits")
    with Load(shared_port):
        assert health(site.commit({SCRIPT: given.script("fifth")})) == "Healthy"
        shared_namespace.kubectl("annotate", "lmd/digits", f"{SERVE}={number}")
        serves = f"--for=jsonpath={{.status.revisions.serving}}={number}"
        shared_namespace.kubectl("wait", "lmd/digits", serves, "--timeout=60s")
        site.refresh()
        assert (site.status()["sync"]["status"], ask(shared_port)) == ("Synced", "fourth")
        message = site.resource("digits")["health"]["message"]
        assert f"revision {number} serves" in message and f"as {SERVE} asks; the next edit ends that" in message
        assert (health(site.commit({SCRIPT: given.script("sixth")})), ask(shared_port)) == ("Healthy", "sixth")


def test_an_edit_by_hand_is_put_back(site: ArgoCd, shared_namespace: Namespace, shared_port: int) -> None:
    before = shared_namespace.get("lmd", "digits")["spec"]
    by_hand = {"spec": {"scoring": {"source": {"configMap": {"name": "other"}}}}}
    with Load(shared_port):
        shared_namespace.kubectl("patch", "lmd", "digits", "--type=merge", "--patch", json.dumps(by_hand))
        eventually(lambda: shared_namespace.get("lmd", "digits")["spec"] == before, "what is in Git is back", 60)
        shared_namespace.wait_ready("digits")
        assert ask(shared_port) == "sixth"


def test_idle_means_no_diff_and_no_sync_and_no_write(site: ArgoCd, shared_namespace: Namespace) -> None:
    def versions() -> dict[str, str]:
        kinds = ("lmd", "configmaps", "deployments", "services", "controllerrevisions", "events")
        objects = shared_namespace.find(*kinds)
        # A kubelet goes on telling of pods that have ended.
        ours = [one for one in objects if one.get("involvedObject", {}).get("kind") != "Pod"]
        return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in ours}

    shared_namespace.kubectl("wait", "--for=condition=Durable", "lmd/digits", "--timeout=90s")
    site.refresh()
    before, synced = versions(), site.status()["operationState"]
    for _ in range(4):
        time.sleep(30)
        site.refresh()
        assert (site.status()["sync"]["status"], health(site.status())) == ("Synced", "Healthy")
    assert (versions(), site.status()["operationState"]) == (before, synced)


def test_two_deployments_in_one_commit(site: ArgoCd, shared_port: int, other_port: int) -> None:
    letters = given.lmd("letters", other_port, given.inline(given.script("a")))
    with Load(shared_port):
        status = site.commit(
            {
                SCRIPT: given.script("seventh"),
                LETTERS: text(letters),
                KUSTOMIZATION: kustomization("digits.yaml", "letters.yaml"),
            }
        )
        assert (health(status), ask(shared_port), ask(other_port)) == ("Healthy", "seventh", "a"), status


def test_a_later_wave_waits_until_the_one_before_answers(
    site: ArgoCd, shared_namespace: Namespace, shared_port: int, other_port: int
) -> None:
    def later(answer: str) -> str:
        return text(given.lmd("letters", other_port, given.inline(given.script(answer))), wave=1)

    def failed(commit: str) -> bool:
        result = site.status().get("operationState", {}).get("syncResult", {})
        phases = {one["name"]: one.get("hookPhase") for one in result.get("resources", ())}
        return (result.get("revision"), phases.get("digits")) == (commit, "Failed")

    # A sync that waits for a wave is tried again and again; this lets the next commit in.
    site.retry_with_what_is_new()

    with Load(shared_port), Load(other_port):
        broken = site.git.commit({SCRIPT: BROKEN, LETTERS: later("b")})
        site.refresh()
        eventually(lambda: failed(broken), "the first wave fails", 90)
        assert (ask(shared_port), ask(other_port)) == ("seventh", "a")
        assert WAVE not in shared_namespace.get("lmd", "letters")["metadata"].get("annotations", {})
        status = site.commit({SCRIPT: given.script("eighth")})
        assert (health(status), ask(shared_port), ask(other_port)) == ("Healthy", "eighth", "b"), status


def test_what_is_no_longer_in_git_is_deleted(site: ArgoCd, shared_namespace: Namespace, other_port: int) -> None:
    assert health(site.commit({LETTERS: None, KUSTOMIZATION: kustomization("digits.yaml")})) == "Healthy"
    assert shared_namespace.names() == {"digits"}
    eventually(lambda: ask_if_reachable(other_port) is None, "nothing answers any more", 30)


def test_a_renamed_deployment_takes_the_port_of_the_one_before(
    site: ArgoCd, shared_namespace: Namespace, shared_port: int, digits: given.Object
) -> None:
    renamed = {**digits, "metadata": {**digits["metadata"], "name": "numbers"}}
    assert (health(site.commit({DIGITS: text(renamed)})), ask(shared_port)) == ("Healthy", "eighth")
    assert shared_namespace.names() == {"numbers"}
