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
    kubectl.run("wait", "--for=condition=Established", f"crd/{RESOURCE}", "--timeout=60s")
    # Established is not served yet: for a moment, lists are answered with 429, which kubectl tries again.
    kubectl.run("get", RESOURCE, "--all-namespaces", "--output=name")
