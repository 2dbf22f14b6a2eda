"""GitOps with Flux: a commit is an edit, and Flux says of it what the address answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import flux
import pytest
import yaml
from flux import Flux
from gitops_site import kustomization
from kube import SAMPLE, Cluster, Namespace, eventually, take_port
from load import Load, ask, ask_if_reachable
from support import git_server, given

SERVE = "localmodel.dev/serve-revision"
KUSTOMIZATION = "digits/kustomization.yaml"
DIGITS, SCRIPT = "digits/digits.yaml", "digits/score.py"


def text(manifest: given.Object) -> str:
    return yaml.safe_dump(manifest)


@pytest.fixture(scope="module")
def digits(shared_port: int) -> given.Object:
    return given.lmd("digits", shared_port, given.from_config_map("digits-score"))


@pytest.fixture(scope="module")
def site(cluster: Cluster, shared_namespace: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flux]:
    """Flux, and a repository that it applies to the namespace of this file."""
    folder = tmp_path_factory.mktemp("flux")
    with (
        git_server.serving(folder / "repository") as git,
        flux.running(cluster, git, shared_namespace.name, folder / "controllers") as site,
    ):
        yield site


def differences(site: Flux, namespace: Namespace) -> str:
    """What `kubectl diff` of the repository's folder prints."""
    command = site.cluster.command("-n", namespace.name, "diff", "--server-side", "-k", str(site.git.folder / "digits"))
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_the_first_commit_is_ready_when_it_answers(
    site: Flux, shared_namespace: Namespace, shared_port: int, digits: given.Object
) -> None:
    ready = site.commit(
        {
            KUSTOMIZATION: kustomization("digits.yaml"),
            "digits/kustomizeconfig.yaml": (SAMPLE / "kustomizeconfig.yaml").read_text(),
            DIGITS: text(digits),
            SCRIPT: given.script("first"),
        }
    )
    assert (ready["status"], ask(shared_port)) == ("True", "first"), ready


def test_an_edited_script_is_ready_when_it_answers(site: Flux, shared_namespace: Namespace, shared_port: int) -> None:
    with Load(shared_port):
        ready = site.commit({SCRIPT: given.script("second")})
        assert (ready["status"], ask(shared_port)) == ("True", "second"), ready
    assert differences(site, shared_namespace) == ""


def test_a_broken_commit_is_not_ready_and_its_line_is_named(
    site: Flux, shared_namespace: Namespace, shared_port: int
) -> None:
    number = shared_namespace.serving("digits")
    with Load(shared_port):
        failed = site.commit({SCRIPT: "def init():\n    {}['age']\n\n\ndef run(raw_data):\n    return 0\n"})
        assert (failed["status"], failed["reason"]) == ("False", "HealthCheckFailed")
        assert f"LocalModelDeployment/{shared_namespace.name}/digits status: 'Failed'" in failed["message"]
        ready = shared_namespace.condition("digits", "Ready")
        assert ready["message"] == f"init() failed: score.py:2: KeyError: 'age' (revision {number} goes on serving)"
        assert ask(shared_port) == "second"


def test_a_revert_serves_and_is_ready_again(site: Flux, shared_namespace: Namespace, shared_port: int) -> None:
    with Load(shared_port):
        ready = site.revert()
        assert (ready["status"], ask(shared_port)) == ("True", "second"), ready


def test_what_fails_its_gate_is_not_ready(
    site: Flux, shared_namespace: Namespace, shared_port: int, digits: given.Object
) -> None:
    gate = {"gate": {"requests": [{"name": "word", "expect": {"json": "third"}}]}}
    with Load(shared_port):
        failed = site.commit({DIGITS: text(given.with_fields(digits, update=gate))})
        assert (failed["status"], failed["reason"]) == ("False", "HealthCheckFailed")
        message = shared_namespace.condition("digits", "Ready")["message"]
        assert 'gate: request 1 (word): $: expected "third", got "second"' in message
        assert ask(shared_port) == "second"
        ready = site.commit({SCRIPT: given.script("third")})
        assert (ready["status"], ask(shared_port)) == ("True", "third"), ready


def test_what_the_manifest_suspends_waits_and_holds_nothing_up(
    site: Flux, shared_port: int, digits: given.Object
) -> None:
    suspended = given.with_fields(digits, suspend=True)
    with Load(shared_port):
        ready = site.commit({DIGITS: text(suspended), SCRIPT: given.script("fourth")})
        assert (ready["status"], ask(shared_port)) == ("True", "third"), ready
        ready = site.commit({DIGITS: text(digits)})
        assert (ready["status"], ask(shared_port)) == ("True", "fourth"), ready


def test_a_rollback_in_kubectl_s_own_name_ends_with_the_next_sync(
    site: Flux, shared_namespace: Namespace, shared_port: int
) -> None:
    number = shared_namespace.serving("digits")
    with Load(shared_port):
        assert site.commit({SCRIPT: given.script("fifth")})["status"] == "True"
        shared_namespace.kubectl("annotate", "lmd/digits", f"{SERVE}={number}")
        serves = f"--for=jsonpath={{.status.revisions.serving}}={number}"
        shared_namespace.kubectl("wait", "lmd/digits", serves, "--timeout=60s")
        assert ask(shared_port) == "fourth"
        assert site.sync()["status"] == "True"
        eventually(lambda: ask(shared_port) == "fifth", "what is in Git serves again", 30)


def test_an_edit_by_hand_is_put_back(site: Flux, shared_namespace: Namespace, shared_port: int) -> None:
    before = shared_namespace.get("lmd", "digits")["spec"]
    by_hand = {"spec": {"replicas": 2, "scoring": {"source": {"configMap": {"name": "other"}}}}}
    with Load(shared_port):
        shared_namespace.kubectl("patch", "lmd", "digits", "--type=merge", "--patch", json.dumps(by_hand))
        assert site.sync()["status"] == "True"
        assert shared_namespace.get("lmd", "digits")["spec"] == before
        assert ask(shared_port) == "fifth"


def test_idle_syncs_write_nothing(site: Flux, shared_namespace: Namespace) -> None:
    def versions() -> dict[str, str]:
        kinds = ("lmd", "configmaps", "deployments", "services", "controllerrevisions", "events")
        objects = shared_namespace.find(*kinds)
        # A kubelet goes on telling of pods that have ended.
        ours = [one for one in objects if one.get("involvedObject", {}).get("kind") != "Pod"]
        return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in ours}

    shared_namespace.kubectl("wait", "--for=condition=Durable", "lmd/digits", "--timeout=90s")
    before = versions()
    for _ in range(3):
        assert site.sync()["status"] == "True"
    assert versions() == before
    assert differences(site, shared_namespace) == ""


def test_two_deployments_in_one_commit(
    site: Flux, shared_namespace: Namespace, shared_port: int, other_port: int
) -> None:
    letters = given.lmd("letters", other_port, given.inline(given.script("a")))
    with Load(shared_port):
        ready = site.commit(
            {
                SCRIPT: given.script("sixth"),
                "digits/letters.yaml": text(letters),
                KUSTOMIZATION: kustomization("digits.yaml", "letters.yaml"),
            }
        )
        assert (ready["status"], ask(shared_port), ask(other_port)) == ("True", "sixth", "a"), ready


@pytest.fixture(scope="module")
def other_port(cluster: Cluster, ports: Iterator[int]) -> int:
    return take_port(cluster, ports)


def test_what_is_no_longer_in_git_is_deleted(site: Flux, shared_namespace: Namespace, other_port: int) -> None:
    ready = site.commit({"digits/letters.yaml": None, KUSTOMIZATION: kustomization("digits.yaml")})
    assert ready["status"] == "True"
    assert shared_namespace.names() == {"digits"}

    eventually(lambda: ask_if_reachable(other_port) is None, "nothing answers any more", 30)


def test_a_renamed_deployment_takes_the_port_of_the_one_before(
    site: Flux, shared_namespace: Namespace, shared_port: int, digits: given.Object
) -> None:
    renamed = {**digits, "metadata": {**digits["metadata"], "name": "numbers"}}
    ready = site.commit({DIGITS: text(renamed)})
    assert (ready["status"], ask(shared_port)) == ("True", "sixth"), ready
    assert shared_namespace.names() == {"numbers"}
