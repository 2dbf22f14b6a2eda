"""Reads what the pods of a deployment have captured, with kubectl exec: who may enter pods may read requests."""

from pathlib import Path

from localmodel.cluster_records.pod_template import CAPTURE_FOLDER, CONTAINER
from localmodel.errors import UserError
from localmodel.targets import captured_request
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.kind.kubectl import Kubectl, Object, items
from localmodel_untrusted import captured_lines

_PYTHON = ("/opt/localmodel/venv/bin/python", "-I", "-c")


def last(kubectl: Kubectl, resource: Object, count: int, containing: str = "") -> list[CapturedRequest]:
    """The last requests of all pods, oldest first; of those whose records have the text.

    Raises:
        UserError: KubectlFailed, if no pod can be read.
    """
    selector = resource.get("status", {}).get("selector")
    if not selector:
        return []
    namespace = resource["metadata"]["namespace"]
    pods = items(kubectl.run("get", "pods", f"--selector={selector}", "--namespace", namespace, "-o", "json"))
    source = Path(captured_lines.__file__).read_text(encoding="utf-8")
    program = [*_PYTHON, source, str(CAPTURE_FOLDER), str(count), containing]
    requests: list[CapturedRequest] = []
    failed: list[UserError] = []
    for name in (pod["metadata"]["name"] for pod in pods):
        try:
            text = kubectl.run("exec", name, "--namespace", namespace, f"--container={CONTAINER}", "--", *program)
        except UserError as error:  # it is starting or ending
            failed.append(error)
        else:
            requests += captured_request.of_lines(text.encode().splitlines(keepends=True), f"pod {name}")
    if failed and len(failed) == len(pods):
        raise failed[0]
    return sorted(requests, key=lambda request: request.time)[-count:]
