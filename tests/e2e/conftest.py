"""One kind cluster, one operator process, a namespace for each test.

LOCALMODEL_E2E_CLUSTER names the kind cluster, made from hack/kind-two-nodes.yaml (hack/test does all of that); several,
with spaces between them, if pytest runs in as many processes: each has a cluster and an operator of its own. The
operator's home, and the environments it has built, are kept between runs; everything else a test makes goes with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import yaml
from kube import ROOT, SAMPLE, Cluster, Namespace, Refused, take_port
from operator_process import OperatorProcess, register
from recorder import Recorder, Recording, read
from support import given
from support.cache_folder import CACHE

LABEL = "localmodel-e2e"
TAINT = "node-role.kubernetes.io/control-plane:NoSchedule"


@pytest.fixture(scope="session")
def process() -> str:
    """The name of this process among those that run the tests."""
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0")


@pytest.fixture(scope="session")
def cluster(process: str) -> Iterator[Cluster]:
    """The cluster, with the custom resource and without what an earlier run left."""
    names = os.environ.get("LOCALMODEL_E2E_CLUSTER", "").split()
    number = int(process.removeprefix("gw"))
    assert number < len(names), (
        "LOCALMODEL_E2E_CLUSTER must name a kind cluster made with hack/kind-two-nodes.yaml for each process of pytest;"
        " hack/test does it"
    )
    found = subprocess.run(
        [ROOT / "hack" / "kind-env", "sh", "-c", 'command -v kubectl && echo "$LOCALMODEL_AIRGAP_CACHE"'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, "there is no kubectl; hack/kind-up brings one"
    kubectl, cache = found.stdout.splitlines()
    cluster = Cluster(names[number], kubectl)
    with Path(cache, f"{cluster.name}.in-use").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # hack/kind-up, and a second run, wait for this one
        cluster.wait_until_it_answers()
        cluster.install(ROOT / "crds")
        cluster.kubectl("delete", "namespace", "-l", f"{LABEL}=test")
        yield cluster


@pytest.fixture
def open_cluster(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with pods allowed on its control plane, which kind does not do when there is a worker."""
    cluster.kubectl("taint", "nodes", "-l", "node-role.kubernetes.io/control-plane", f"{TAINT}-")
    yield cluster
    cluster.kubectl("taint", "nodes", "-l", "node-role.kubernetes.io/control-plane", TAINT)


@pytest.fixture(scope="session")
def home(cluster: Cluster) -> Path:
    """LOCALMODEL_HOME of everything here; never the user's own."""
    folder = CACHE / f"{cluster.name}-home"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def recordings_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each process of this run leaves what it has recorded."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def recorder(cluster: Cluster, process: str, home: Path, recordings_folder: Path) -> Iterator[Recorder]:
    """Records until this process has run its last test."""
    recorder = Recorder(cluster, home / "operator.log")
    with recorder.until_saved(recordings_folder / f"{process}.recording"):
        yield recorder


@pytest.fixture(scope="module")
def recordings(
    recorder: Recorder, operator_of_all: OperatorProcess, process: str, recordings_folder: Path
) -> list[Recording]:
    """What every process has seen of its cluster until its last test; this waits for the others."""
    others = sorted(file for file in recordings_folder.glob("*.recording") if file.stem != process)
    return [recorder.recording(), *map(read, others)]


@pytest.fixture(scope="session")
def ports(cluster: Cluster) -> Iterator[int]:
    """The cluster's ports on localhost, one after the other and round again."""
    return itertools.cycle(sorted(cluster.node_ports()))


@pytest.fixture(scope="session")
def sample_model(home: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Version of the sample's model, trained with the packages that its manifest names."""
    manifest = yaml.safe_load((SAMPLE / "deployment.yaml").read_text())
    packages = itertools.chain(*(["--with", each] for each in manifest["spec"]["environment"]["requirements"]))
    model = tmp_path_factory.mktemp("sample") / "sklearn_mnist_model.pkl"
    uv = [sys.executable, "-m", "uv", "run", "--quiet", "--no-project", "--python", sys.executable, *packages]
    subprocess.run([*uv, "python", SAMPLE / "train.py", "--output", model], check=True)
    return register(home, "sklearn_mnist", model)


@pytest.fixture(scope="session")
def word_versions(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, int]:
    """Two versions of a model that is a word."""
    folder = tmp_path_factory.mktemp("model")
    versions = []
    for text in ("first model", "second model"):
        (folder / "word.txt").write_text(text)
        versions.append(register(home, "word", folder / "word.txt"))
    return versions[0], versions[1]


@pytest.fixture(scope="session")
def operator_of_all(
    cluster: Cluster, home: Path, recorder: Recorder, ports: Iterator[int]
) -> Iterator[OperatorProcess]:
    """The operator, with the environment that most tests use: nobody has to wait for it, or sees it swept."""
    operator = OperatorProcess(cluster.context, home)
    operator.start()
    try:
        _keep_environment(cluster, ports, "plain", {})
        yield operator
    finally:
        cluster.kubectl("delete", "namespace", "-l", f"{LABEL}=test", "--wait=false")
        operator.stop()


@pytest.fixture(scope="session")
def sample_environment(operator_of_all: OperatorProcess, cluster: Cluster, ports: Iterator[int]) -> None:
    """The sample's environment is there, and stays."""
    sample = yaml.safe_load((SAMPLE / "deployment.yaml").read_text())
    _keep_environment(cluster, ports, "sample", sample["spec"]["environment"])


def _keep_environment(cluster: Cluster, ports: Iterator[int], name: str, environment: given.Object) -> None:
    """A resource that lasts until the next run has its own: equal environments are built and sent once.

    In the end it has no pods, so that nodes that join in tests are not sent its image.
    """
    label = f"environment-{name}"
    last = cluster.kubectl("get", "namespace", "-l", f"{LABEL}={label}", "-o", "name").split()
    kept = _make_namespace(cluster, f"e2e-{label}-{uuid.uuid4().hex[:5]}", label)
    scoring = given.inline(given.script(""))
    kept.apply(given.lmd(name, take_port(cluster, ports), scoring, environment=environment))
    kept.wait_ready(name, 400)
    kept.kubectl("wait", "--for=condition=Durable", f"lmd/{name}", "--timeout=90s")
    kept.kubectl("scale", f"lmd/{name}", "--replicas=0")
    if last:
        cluster.kubectl("delete", "--wait=false", *last)


@pytest.fixture(autouse=True)
def operator(operator_of_all: OperatorProcess) -> Iterator[OperatorProcess]:
    """The running operator. A test may end it; the next one finds it running again."""
    if not operator_of_all.is_running:
        operator_of_all.start()
    yield operator_of_all


def _make_namespace(cluster: Cluster, name: str, label: str) -> Namespace:
    labels = {LABEL: label, "pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    cluster.kubectl("apply", "-f", "-", given=json.dumps(namespace))
    return Namespace(cluster, name)


@contextlib.contextmanager
def _namespace(cluster: Cluster, test: str) -> Iterator[Namespace]:
    slug = re.sub(r"[^a-z0-9]+", "-", test.lower().removeprefix("test_"))[:40].strip("-")
    namespace = _make_namespace(cluster, f"e2e-{slug}-{uuid.uuid4().hex[:5]}", "test")
    yield namespace
    cluster.kubectl("delete", "namespace", namespace.name, "--wait=false")


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A namespace for this test."""
    with _namespace(cluster, request.node.name) as namespace:
        yield namespace


@pytest.fixture(scope="module")
def shared_namespace(
    cluster: Cluster, request: pytest.FixtureRequest, operator_of_all: OperatorProcess
) -> Iterator[Namespace]:
    """A namespace for all tests of a file."""
    with _namespace(cluster, Path(request.node.name).stem) as namespace:
        yield namespace


@pytest.fixture
def port(cluster: Cluster, ports: Iterator[int]) -> int:
    """A port on localhost for this test."""
    return take_port(cluster, ports)


@pytest.fixture(scope="module")
def shared_port(cluster: Cluster, ports: Iterator[int]) -> int:
    """A port on localhost for all tests of a file."""
    return take_port(cluster, ports)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for namespace in {each for each in item.funcargs.values() if isinstance(each, Namespace)}:
            report.sections.append((f"namespace {namespace.name}", _describe(namespace)))
        for operator in {each for each in item.funcargs.values() if isinstance(each, OperatorProcess)}:
            report.sections.append(("operator", operator.log_since(max(0, operator.mark() - 4000))))
    return report


def _describe(namespace: Namespace) -> str:
    questions = (
        ("get", "lmd", "-o", "yaml"),
        ("get", "pods,services,deployments,controllerrevisions", "-o", "wide"),
        ("get", "events", "--sort-by=.lastTimestamp"),
    )
    parts = []
    for question in questions:
        with contextlib.suppress(Refused, subprocess.TimeoutExpired):
            parts.append(f"$ kubectl {' '.join(question)}\n{namespace.kubectl(*question)}")
    return "\n".join(parts)
