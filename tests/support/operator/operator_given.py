"""Revisions, pods and what pods say of themselves, as the operator's pure parts take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from localmodel.cluster_records import names
from localmodel.updates.revision import Revision
from localmodel_operator.pods.pod_state import PodState
from localmodel_operator.pods.pods import Pod
from localmodel_operator.records.history import RecordedRevision

Object = dict[str, Any]


def revision(bundle: str) -> Revision:
    return Revision("base", "server", "lock", bundle, "settings")


def recorded(number: int, failed: str = "", bundle: str = "", secrets: str = "", **variables: str) -> RecordedRevision:
    """A revision; of the same content as another if told the same bundle."""
    annotations = {"annotations": {names.SECRETS_ANNOTATION: secrets}} if secrets else {}
    listed = [{"name": name, "value": value} for name, value in variables.items()]
    return RecordedRevision(
        number=number,
        inputs=f"inputs {number}",
        image=f"repository@sha256:{number}",
        template={
            "metadata": {"labels": {names.REVISION_LABEL: str(number)}, **annotations},
            "spec": {"containers": [{"env": listed}]},
        },
        revision=revision(bundle or f"bundle {number}"),
        environment="environment",
        entry="score.py",
        models=(),
        facts=None,
        failed=failed,
    )


def state(of: RecordedRevision, epoch: int = 1, **others: Any) -> PodState:
    """What a server says that serves this revision."""
    told = PodState(
        epoch=epoch,
        heard=others.get("heard", epoch),
        revision=str(of.number),
        content=of.revision.content,
        environment=of.environment,
        serving=True,
        models=frozenset(),
        prepared=None,
        since_switch={},
        before_switch={},
        recent={},
        failure="",
    )
    return replace(told, **others)


def pod(
    of: RecordedRevision,
    told: PodState | None,
    ready: bool = True,
    name: str = "x-7d9f",
    env: list[Object] | None = None,
) -> Pod:
    """A pod that was started with this revision."""
    template: Mapping[str, Any] = of.template
    container = {"env": template["spec"]["containers"][0]["env"] if env is None else env}
    found = {
        "metadata": {"name": name, "namespace": "team", "uid": f"uid of {name}", **template["metadata"]},
        "spec": {"containers": [container]},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }
    return Pod(found, told)
