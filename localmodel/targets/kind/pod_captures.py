"""Reads what the pods of a deployment have captured, with kubectl exec: who may enter pods may read requests."""

import json
from pathlib import Path

from localmodel.cluster_records.pod_template import CAPTURE_FOLDER, CONTAINER
from localmodel.errors import UserError
from localmodel.targets import captured
from localmodel.targets.kind.kubectl import Kubectl, Object, items

_PYTHON = ("/opt/localmodel/venv/bin/python", "-I", "-c")


def last(kubectl: Kubectl, resource: Object, count: int) -> list[bytes]:
    """The last requests of all pods, oldest first, as lines of JSON.

    Raises:
        UserError: KubectlFailed, if no pod can be read.
    """
    selector = resource.get("status", {}).get("selector")
    if not selector:
        return []
    namespace = resource["metadata"]["namespace"]
    pods = items(kubectl.run("get", "pods", f"--selector={selector}", "--namespace", namespace, "-o", "json"))
    program = [*_PYTHON, Path(captured.__file__).read_text(encoding="utf-8"), str(CAPTURE_FOLDER), str(count)]
    lines: list[bytes] = []
    failed: list[UserError] = []
    for name in (pod["metadata"]["name"] for pod in pods):
        try:
            text = kubectl.run("exec", name, "--namespace", namespace, f"--container={CONTAINER}", "--", *program)
        except UserError as error:  # it is starting or ending
            failed.append(error)
        else:
            lines += text.encode().splitlines(keepends=True)
    if failed and len(failed) == len(pods):
        raise failed[0]
    return sorted(lines, key=lambda line: str(json.loads(line)["time"]))[-count:]
