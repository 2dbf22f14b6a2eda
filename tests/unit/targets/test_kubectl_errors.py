"""What is said when kubectl reaches no cluster, or one that does not know our resource."""

import subprocess
from typing import Any

import pytest

from localmodel.errors import UserError
from localmodel.targets.kind.kubectl import Kubectl

REFUSED = (
    'error: error validating "STDIN": error validating data: failed to download openapi: Get "http://localhost:8080": '
    "dial tcp 127.0.0.1:8080: connect: connection refused; if you choose to ignore these errors, use --validate=false"
)
GONE = "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"
UNHEARD = 'error: no matches for kind "LocalModelDeployment" in version "localmodel.dev/v1alpha1"\ninstall CRDs'


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (REFUSED, "kubectl says: dial tcp 127.0.0.1:8080: connect: connection refused"),
        (GONE, "kubectl says: The connection to the server 127.0.0.1:6443 was refused"),
        ('error: context "c" does not exist', 'kubectl says: context "c" does not exist'),
        (UNHEARD, "lmd operator up starts the operator, and makes it known"),
        ('error: the server doesn\'t have a resource type "localmodeldeployments"', "does not know"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_one_sentence(
    output: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", output)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(UserError) as failure:
        Kubectl("c", None).run("apply", "-f", "-")
    text = str(failure.value)
    assert expected in text and "in the context c" in text and "\n" not in text and "validate" not in text
