"""Makes and deletes the kind cluster that deployments are served in."""

import yaml

from localmodel import data, reasons
from localmodel.errors import UserError
from localmodel.local_cluster import programs, resource
from localmodel.output.progress import Progress, now
from localmodel.targets import ports
from localmodel.targets.kind.kubectl import Kubectl

DEFAULT = "localmodel"


def up(name: str, shown: Progress) -> None:
    """Make the cluster, if it is not there, and install the custom resource.

    Raises:
        UserError: ProgramMissing, EngineUnreachable, PortTaken, KindFailed, KubectlFailed.
    """
    programs.require("docker", "kind", "kubectl")
    programs.require_engine()
    with shown.step(f"cluster {name}") as done:
        if name in names():
            programs.kind("export", "kubeconfig", "--name", name)
            done("is there already")
        else:
            _make(name, shown)
            done("made")
    try:
        _wait_ready(name)
    except UserError as error:
        again = f"start its nodes (docker start {name}-control-plane), or make it anew (lmd kind down {name})"
        raise UserError(error.reason, f"the cluster {name} does not answer: {error}; {again}") from None
    with shown.step("custom resource") as done:
        resource.install(context(name))
        done("installed")


def down(name: str) -> bool:
    """Delete the cluster; returns whether there was one.

    Raises:
        UserError: ProgramMissing, EngineUnreachable, KindFailed.
    """
    programs.require("docker", "kind")
    programs.require_engine()
    if name not in names():
        return False
    programs.kind("delete", "cluster", "--name", name)
    return True


def names() -> list[str]:
    """The names of all kind clusters. Raises the errors of `programs.kind()`."""
    return programs.kind("get", "clusters").split()


def context(name: str) -> str:
    """The name of the cluster's context in the kubeconfig."""
    return f"kind-{name}"


def _make(name: str, shown: Progress) -> None:
    config = data.path("kind-config.yaml")
    for node in yaml.safe_load(config.read_text())["nodes"]:
        for port in (mapping["hostPort"] for mapping in node["extraPortMappings"]):
            if not ports.is_free(port):
                raise UserError(
                    reasons.PORT_TAKEN,
                    f"the cluster needs port {port} of this machine, which is held by {ports.holder(port)}; end that "
                    "(lmd stop --all stops deployments, lmd demo stop the demo)",
                )
    programs.kind("create", "cluster", "--name", name, "--config", str(config), now=lambda line: now(shown, line))


def _wait_ready(name: str) -> None:
    kubectl = Kubectl(context(name), None)
    kubectl.run("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s")
    kubectl.run("--namespace", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")
