"""Mistakes in a manifest: told in the user's terms, while the revision before goes on serving, and over once mended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from kube import Cluster, Namespace, Refused, eventually, take_port
from load import Load, ask, ask_often
from support import given

GOOD = given.script("good")
RUN = "\n\ndef run(raw_data):\n    return 1\n"
HUNGRY = "def init():\n    global much\n    much = bytearray(500_000_000)\n" + RUN


def variable(kind: str, key: str) -> given.Object:
    """spec.env with one variable from an object that exists."""
    return {"env": [{"name": "PASSWORD", "valueFrom": {kind: {"name": "things", "key": key}}}]}


def requirements(*listed: str) -> given.Object:
    return {"environment": {"requirements": list(listed)}}


def scripted(text: str) -> given.Object:
    return {"scoring": given.inline(text)}


@dataclass(frozen=True)
class Mistake:
    """Fields of the spec, and what Ready, Stalled and an Event tell of them."""

    fields: given.Object
    reason: str
    words: tuple[str, ...]


MISTAKES = {
    "no such model": Mistake(
        {"models": [{"name": "nobody", "version": 1}]},
        "ModelNotFound",
        ("spec.models[0]", "nobody", "lmd model register"),
    ),
    "no such version": Mistake(
        {"models": [{"name": "word", "version": 999}]},
        "VersionNotFound",
        ("spec.models[0]", "word", "999", "there are"),
    ),
    "no init": Mistake(scripted(RUN), "EntryScriptInvalid", ("score.py: no function init()",)),
    "no run": Mistake(
        scripted("def init():\n    pass\n"), "EntryScriptInvalid", ("score.py: no function run(raw_data)",)
    ),
    "syntax error": Mistake(
        scripted("def init():\n    pass\n\n\ndef run(raw_data:\n"), "EntryScriptInvalid", ("score.py:5: SyntaxError",)
    ),
    "init raises": Mistake(
        scripted("def init():\n    ages = {}\n    ages['bob']\n" + RUN),
        "InitFailed",
        ("init() failed: score.py:3: KeyError: 'bob'",),
    ),
    "import of what is not installed": Mistake(
        scripted("import pandas\n\n" + GOOD),
        "InitFailed",
        ("score.py:1: ModuleNotFoundError", "pandas", "add it to the environment's requirements"),
    ),
    "init never ends": Mistake(
        {
            **scripted("import time\n\n\ndef init():\n    time.sleep(3600)\n" + RUN),
            "update": {"progressDeadlineSeconds": 10},
        },
        "ProgressDeadlineExceeded",
        ("not ready to serve within 10 s",),
    ),
    "init takes more memory than allowed": Mistake(
        {**scripted(HUNGRY), "resources": {"limits": {"memory": "200Mi"}}},
        "OutOfMemory",
        ("spec.resources.limits.memory",),
    ),
    "no such package": Mistake(
        requirements("localmodel-no-such-package==1"),
        "RequirementsUnresolvable",
        ("spec.environment.requirements", "localmodel-no-such-package"),
    ),
    "conflicting packages": Mistake(
        requirements("numpy==1.24.4", "scipy==1.17.1"),
        "RequirementsUnresolvable",
        ("spec.environment.requirements", "numpy==1.24.4", "scipy==1.17.1"),
    ),
    "not a requirement": Mistake(
        requirements("six", "six=1.0"), "RequirementsUnresolvable", ("spec.environment.requirements[1]", "'six=1.0'")
    ),
    "unreadable base image": Mistake(
        {"environment": {"baseImage": "localhost:9/no-such-image:1"}},
        "BaseImageUnreadable",
        ("spec.environment.baseImage", "localhost:9/no-such-image:1"),
    ),
    "port not mapped": Mistake(
        {"service": {"localPort": 7000}}, "PortUnmapped", ("spec.service.localPort", "7000", "free are: ")
    ),
    "no such ConfigMap": Mistake(
        {"scoring": given.from_config_map("nothing")},
        "SourceMissing",
        ("spec.scoring.source.configMap", "no ConfigMap nothing"),
    ),
    "ConfigMap without the script": Mistake(
        {"scoring": given.from_config_map("things")},
        "EntryScriptMissing",
        ("spec.scoring.entryScript", "score.py", "paint"),
    ),
    "no such Secret": Mistake(
        variable("secretKeyRef", "password"), "VariableSourceMissing", ("spec.env[0]", "Secret things does not exist")
    ),
    "no such key": Mistake(
        variable("configMapKeyRef", "password"),
        "VariableSourceMissing",
        ("spec.env[0]", "ConfigMap things has no key password"),
    ),
    "limit below request": Mistake(
        {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}},
        "DeploymentRefused",
        ("requests", "must be less than or equal to memory limit"),
    ),
    "more than any node has": Mistake(
        {"resources": {"requests": {"cpu": "1k"}}, "update": {"progressDeadlineSeconds": 10}},
        "Unschedulable",
        ("no node has room", "Insufficient cpu"),
    ),
}


@pytest.fixture
def good(shared_namespace: Namespace, shared_port: int, word_versions: tuple[int, int]) -> given.Object:
    """The manifest of a deployment that serves, beside a ConfigMap with something else than a script."""
    manifest = given.lmd("app", shared_port, given.inline(GOOD))
    shared_namespace.apply(manifest, given.config_map("things", {"paint": "red"}))
    shared_namespace.wait_ready("app")
    return manifest


def wait_stalled(namespace: Namespace, name: str, reason: str, words: tuple[str, ...]) -> None:
    """Wait until conditions and an Event tell the reason, with these words."""
    stalled = namespace.wait_condition(name, "Stalled", "True", reason, 60)
    ready = namespace.condition(name, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", reason)
    for message in (stalled["message"], ready["message"]):
        assert not [word for word in words if word not in message], message

    def warned() -> bool:
        warnings = (each for each in namespace.events(name) if (each["type"], each["reason"]) == ("Warning", reason))
        return any(all(word in each["message"] for word in words) for each in warnings)

    eventually(warned, f"a Warning with the reason {reason}")


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake_is_told_and_costs_nothing(
    shared_namespace: Namespace, shared_port: int, good: given.Object, mistake: Mistake
) -> None:
    with Load(shared_port, per_second=20) as load:
        shared_namespace.apply(given.with_fields(good, **mistake.fields))
        wait_stalled(shared_namespace, "app", mistake.reason, mistake.words)
        shared_namespace.apply(good)
        shared_namespace.wait_ready("app")
        assert ask_often(shared_port, times=5) == ["good"]
    assert load.answers_since(0) == ["good"]


def named(name: str) -> Any:
    return lambda good: {**good, "metadata": {"name": name}}


def having(**fields: Any) -> Any:
    return lambda good: given.with_fields(good, **fields)


def sourced(**files: str) -> Any:
    return having(scoring={"entryScript": "score.py", "source": {"inline": {"score.py": GOOD, **files}}})


@pytest.mark.parametrize(
    ("edited", "words"),
    [
        (having(replica=2), 'unknown field "spec.replica"'),
        (named("a" * 49), "at most 48 characters"),
        (named("1st"), "metadata.name"),
        (sourced(**{"../../x": ""}), "no '..'"),
        (sourced(**{"/etc/x": ""}), "a file name is letters"),
        (having(scoring={"entryScript": "main.py", "source": {"inline": {"score.py": GOOD}}}), "no such file in"),
        (having(scoring={"entryScript": "score.py", "source": {}}), "exactly one of configMap, inline and code"),
        (having(environment={"python": "3.8"}), "spec.environment.python"),
        (having(environment={"ref": {"name": "e", "version": 1}, "requirements": ["x"]}), "either ref, or"),
        (having(env=[{"name": "WORKER_COUNT", "value": "2"}]), "set spec.server.workers"),
        (having(replicas=-1), "spec.replicas"),
    ],
    ids=[
        "unknown field",
        "name too long",
        "name that no Service can have",
        "file outside of the folder",
        "absolute file",
        "script not in the source",
        "no source",
        "unsupported Python",
        "environment twice",
        "variable of the server",
        "negative replicas",
    ],
)
def test_refused_at_apply(
    shared_namespace: Namespace, shared_port: int, good: given.Object, edited: Any, words: str
) -> None:
    with pytest.raises(Refused) as refused:
        shared_namespace.apply(edited(good))
    assert words in str(refused.value)
    assert shared_namespace.condition("app", "Ready")["status"] == "True"


def test_port_of_another(
    shared_namespace: Namespace,
    shared_port: int,
    good: given.Object,
    namespace: Namespace,
    cluster: Cluster,
    ports: Iterator[int],
) -> None:
    second = given.lmd("second", shared_port, given.inline(given.script("second")))
    namespace.apply(second)
    words = ("spec.service.localPort", str(shared_port), f"{shared_namespace.name}/app", "free are: ")
    wait_stalled(namespace, "second", "PortTaken", words)
    assert ask(shared_port) == "good"
    own = take_port(cluster, ports)
    namespace.apply(given.with_fields(second, service={"localPort": own}))
    namespace.wait_ready("second")
    assert (ask(shared_port), ask(own)) == ("good", "second")


def test_deployment_of_another_owner(namespace: Namespace, port: int) -> None:
    container = {
        "name": "theirs",
        "image": "theirs",
        "imagePullPolicy": "Never",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pods = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    template = {
        "metadata": {"labels": {"app": "theirs"}},
        "spec": {"containers": [container], "securityContext": pods},
    }
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "theirs"}}, "template": template},
    }
    namespace.apply(theirs)
    before = namespace.get("deployment", "app")
    namespace.apply(given.lmd("app", port, given.inline(GOOD)))
    wait_stalled(namespace, "app", "NotOwned", ("Deployment app", namespace.name, "rename"))
    after = namespace.get("deployment", "app")
    assert (after["spec"], after["metadata"].get("ownerReferences")) == (before["spec"], None)
    namespace.kubectl("delete", "deployment", "app")
    namespace.wait_ready("app")
    assert ask(port) == "good"
