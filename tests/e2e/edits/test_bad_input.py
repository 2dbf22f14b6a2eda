"""Mistakes in a manifest: told in the user's terms, while the revision before goes on serving, and over once mended.

Those that a pass finds by itself, without pods or a package index, are in test_pass_mistakes.py of tests/unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from kube import Namespace, Refused, eventually
from load import Load, ask_often
from support import given

GOOD = given.script("good")
RUN = "\n\ndef run(raw_data):\n    return 1\n"
HUNGRY = "def init():\n    global much\n    much = bytearray(500_000_000)\n" + RUN


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
    "init raises": Mistake(
        scripted("def init():\n    ages = {}\n    ages['bob']\n" + RUN),
        "InitFailed",
        ("init() failed: score.py:3: KeyError: 'bob'",),
    ),
    "import of what is not installed": Mistake(
        scripted("import company_models\n\n" + GOOD),
        "InitFailed",
        ("score.py:1: ModuleNotFoundError", "company_models", "add it to the environment's requirements"),
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
    "unreadable base image": Mistake(
        {"environment": {"baseImage": "localhost:9/no-such-image:1"}},
        "BaseImageUnreadable",
        ("spec.environment.baseImage", "localhost:9/no-such-image:1"),
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
def good(shared_namespace: Namespace, shared_port: int) -> given.Object:
    """The manifest of a deployment that serves."""
    manifest = given.lmd("app", shared_port, given.inline(GOOD))
    shared_namespace.apply(manifest)
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
        (having(scoring={"entryScript": "score.py", "source": {}}), "exactly one of configMap, inline, code and git"),
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
