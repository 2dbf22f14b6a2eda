"""The sample, as a user meets it: one apply, one address, one edit."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from kube import ROOT, SAMPLE, Cluster, Namespace
from load import Load, ask, ask_often
from operator_process import LMD


@dataclass(frozen=True)
class Sample:
    """A copy of the sample's folder on a port of its own, applied and ready."""

    folder: Path
    namespace: Namespace
    port: int

    def apply(self) -> str:
        return self.namespace.kubectl("apply", "-k", str(self.folder))


NAME = "sklearn-mnist"
REQUEST = json.loads((SAMPLE / "request.json").read_text())


@pytest.fixture(scope="module")
def sample(
    shared_namespace: Namespace,
    shared_port: int,
    sample_model: int,
    sample_environment: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Sample:
    folder = tmp_path_factory.mktemp("copy") / NAME
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("*.pkl"))
    manifest = folder / "deployment.yaml"
    text = manifest.read_text()
    text = text.replace("localPort: 6789", f"localPort: {shared_port}").replace(
        "version: 1", f"version: {sample_model}"
    )
    manifest.write_text(text)
    sample = Sample(folder, shared_namespace, shared_port)
    sample.apply()
    shared_namespace.wait_ready(NAME, 300)
    return sample


def test_sample_predicts(sample: Sample) -> None:
    assert ask(sample.port, REQUEST) == [2]


def test_digit_of_the_tutorial_page(sample: Sample) -> None:
    page = json.loads((ROOT / "tests" / "data" / "page-digit.json").read_text())
    assert ask(sample.port, page) == [2]


def test_the_address_speaks_every_protocol(sample: Sample) -> None:
    url = f"http://localhost:{sample.port}"
    done = subprocess.run([LMD, "conformance", url, "--model", NAME], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_lmd_status_has_the_figures_of_the_pods(sample: Sample) -> None:
    ask(sample.port, REQUEST)
    place = ["--context", sample.namespace.cluster.context, "--namespace", sample.namespace.name]
    command = [LMD, "status", NAME, "--target", "kind", *place, "-o", "json"]
    figures = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["figures"]
    assert figures["requests"] > 0 and figures["p50_seconds"] > 0 and figures["memory_bytes"] > 20_000_000


def test_columns_tell_state_and_address(sample: Sample) -> None:
    header, row = sample.namespace.kubectl("get", "lmd", NAME).splitlines()
    assert header.split() == ["NAME", "READY", "DURABLE", "REASON", "REVISION", "PORT", "AGE"]
    assert row.split()[:6] == [NAME, "True", "True", "Serving", "1", str(sample.port)]
    header, row = sample.namespace.kubectl("get", "lmd", NAME, "-o", "wide").splitlines()
    assert header.split()[6:] == ["AGE", "URL", "REPLICAS", "MESSAGE"]
    assert row.split()[7:9] == [f"http://localhost:{sample.port}/score", "1"]


@pytest.mark.parametrize(
    "field", ["", ".spec.models", ".spec.scoring.source.configMap", ".spec.env.valueFrom", ".status"]
)
def test_explain_describes_fields(cluster: Cluster, field: str) -> None:
    said = cluster.kubectl("explain", f"lmd{field}")
    assert "DESCRIPTION" in said
    assert "<empty>" not in said


def test_events_tell_the_story(sample: Sample) -> None:
    reasons = {event["reason"]: event["type"] for event in sample.namespace.events(NAME)}
    assert reasons["Serving"] == "Normal"
    assert set(reasons.values()) == {"Normal"}


def test_pods_pass_restricted_pod_security(sample: Sample) -> None:
    # the namespace enforces it, so a pod that did not pass would not be here
    labels = sample.namespace.cluster.kubectl(
        "get", "namespace", sample.namespace.name, "-o", "jsonpath={.metadata.labels}"
    )
    assert json.loads(labels)["pod-security.kubernetes.io/enforce"] == "restricted"
    (pod,) = sample.namespace.pods(NAME)
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    mounted = [mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]]
    assert mounted == ["/tmp", "/var/lib/localmodel", "/etc/localmodel/wanted"], (
        "no token of a service account, nothing of the host"
    )


def test_service_keeps_the_port_that_the_cluster_maps(sample: Sample, cluster: Cluster) -> None:
    ports = sample.namespace.get("services", NAME)["spec"]["ports"]
    assert [port["nodePort"] for port in ports] == [cluster.node_ports()[sample.port]]


def test_every_node_has_the_image(sample: Sample, cluster: Cluster) -> None:
    image = sample.namespace.get("lmd", NAME)["status"]["image"]
    assert len(cluster.nodes()) == 2
    for node in cluster.nodes():
        assert image in cluster.images(node), node


def test_edited_script_answers_and_no_request_is_lost(sample: Sample) -> None:
    script = sample.folder / "score.py"
    script.write_text(script.read_text().replace(".tolist()", ".tolist() + ['edited']"))
    with Load(sample.port, REQUEST) as load:
        sample.apply()
        sample.namespace.wait_ready(NAME)
        ready = time.monotonic()
        assert ask_often(sample.port, REQUEST) == [[2, "edited"]]
    assert load.answers_since(ready) == [[2, "edited"]]
    (old, new) = sample.namespace.revisions(NAME)
    assert (old["revision"], new["revision"]) == (1, 2)
    assert new["data"]["cause"] == "spec.scoring changed: score.py"
