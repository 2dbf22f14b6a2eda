"""The custom resource in a cluster."""

from localmodel import data
from localmodel.cluster_records.names import RESOURCE
from localmodel.targets.kind.kubectl import Kubectl


def install(context: str) -> None:
    """Install it, or update what is there, and wait until the cluster knows it.

    Raises:
        UserError: KubectlMissing, KubectlFailed.
    """
    kubectl = Kubectl(context, None)
    # Helm owns what its chart has made; an update through Helm goes on working.
    kubectl.run("apply", "--server-side", "--force-conflicts", "-f", str(data.path("crds")))
    wait_until_served(kubectl)


def wait_until_served(kubectl: Kubectl) -> None:
    """Wait until the cluster, which has just been given the custom resource, lists its objects.

    Raises:
        UserError: KubectlFailed.
    """
    # In its first moment it has no conditions, and kubectl ends with an error when it is to wait for one of them.
    for condition in ("jsonpath={.status.conditions[0].type}=NamesAccepted", "condition=Established"):
        kubectl.run("wait", f"--for={condition}", f"crd/{RESOURCE}", "--timeout=60s")
    # Established is not served yet: for a moment, lists are answered with 429, which kubectl tries again.
    kubectl.run("get", RESOURCE, "--all-namespaces", "--output=name")
