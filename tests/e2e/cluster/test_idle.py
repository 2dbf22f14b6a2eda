"""With nothing to do the operator writes nothing, and a new operator finds nothing to do."""

from __future__ import annotations

import time

from kube import Namespace
from load import ask
from operator_process import OperatorProcess
from support import given

IDLE_SECONDS = 20


def versions(namespace: Namespace) -> dict[str, str]:
    """resourceVersion of everything that belongs to the deployment `idle`, pods included."""
    found = namespace.find("lmd", "deployments", "services", "controllerrevisions", "replicasets", "pods")
    return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in found}


def test_idle_deployment_is_not_written(namespace: Namespace, port: int, operator: OperatorProcess) -> None:
    manifest = given.lmd("idle", port, given.inline(given.script("idle")))
    namespace.apply(manifest)
    namespace.wait_ready("idle")
    before = versions(namespace)
    mark = operator.mark()
    time.sleep(IDLE_SECONDS)
    assert versions(namespace) == before
    assert "sending" not in operator.log_since(mark)

    assert "unchanged" in namespace.apply(manifest)
    assert versions(namespace) == before


def test_restarted_operator_writes_nothing(namespace: Namespace, port: int, operator: OperatorProcess) -> None:
    namespace.apply(given.lmd("idle", port, given.inline(given.script("idle"))))
    namespace.wait_ready("idle")
    before = versions(namespace)
    operator.stop()
    operator.start()
    time.sleep(5)  # there is no sign of a pass that finds nothing to do
    assert versions(namespace) == before
    assert ask(port) == "idle"
