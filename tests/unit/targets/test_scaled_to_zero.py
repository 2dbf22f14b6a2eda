"""What is said of a deployment on a cluster of which no pod is wanted."""

from __future__ import annotations

from localmodel.cli.deployment.apply import sentence
from localmodel.targets.kind import kind

ZERO = "spec.replicas is 0: nothing is wanted, and nothing answers"
RESOURCE = {
    "metadata": {"name": "digits", "namespace": "team", "generation": 2},
    "spec": {"replicas": 0},
    "status": {
        "observedGeneration": 2,
        "url": "http://localhost:6789/score",
        "revisions": {"wanted": 3, "durable": 3},
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "ScaledToZero", "message": ZERO, "observedGeneration": 2},
            {"type": "Durable", "status": "True", "reason": "Durable", "message": "", "observedGeneration": 2},
        ],
    },
}


def test_it_is_ready_and_says_why_nothing_serves() -> None:
    status = kind._deployment(RESOURCE)
    assert (status.ready, status.state, status.serving, status.durable) == (True, "running", None, 3)
    assert status.why == ZERO
    assert sentence(status) == f"digits: not serving: {ZERO}"
