"""Whether some revision answers at the address that users call, and reporting a change of that at once."""

from localmodel import reasons
from localmodel_operator import children
from localmodel_operator.children import Exposure
from localmodel_operator.passes import exposure
from localmodel_operator.passes.context import Pass
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods import address
from localmodel_operator.pods.address import InCluster
from localmodel_operator.status import conditions
from localmodel_operator.status.builder import StatusBuilder

NO_DEPLOYMENT = "there is no Deployment"
NO_POD = "no pod is ready"
_LOOK_AGAIN = 0.5  # seconds, while the address and the pods disagree: one of the two is about to change


async def check(context: Pass, observed: Observed, serving: int | None) -> None:
    """Ask at the address. `serving` is the revision that answers by what the pods report."""
    nobody = _why_nobody(context, observed)
    number = None if observed.service is None else await _answering(context, observed, serving)
    context.status.answers(bool(number), f"revision {serving or number} answers" if number else nobody)
    if bool(number) != any(pod.is_ready for pod in observed.pods) and _replicas(context, observed):
        context.look_again(_LOOK_AGAIN)


async def report_change(context: Pass, observed: Observed) -> None:
    """Report at once that nothing answers any more, or something again, or that a child is gone.

    The rest of a pass may take long.
    """
    available, last = context.status.available, context.last_status
    if context.is_edited or available is None:
        return  # the edit is reported in a moment, and this with it
    status = StatusBuilder.of(last)
    status.available = available
    # Before the first answer there is no Service.
    if (status.ready or (status.reconciling and observed.service)) and (drift := service_drift(context, observed)):
        status.progress(reasons.SERVICE_CHANGED, f"Service {context.name}: {drift}; the operator restores it")
    elif status.ready and observed.deployment is None:
        status.progress(
            reasons.DEPLOYMENT_DELETED, f"Deployment {context.name} has been deleted; the operator makes it anew"
        )
    elif status.ready and not available.holds and _replicas(context, observed):
        status.progress(reasons.NOT_ANSWERING, available.message)
    elif conditions.holds(last, "Available") is available.holds:
        return  # while two revisions answer in turn, which one does is reported when the pass ends
    await context.report(status)


def service_drift(context: Pass, observed: Observed) -> str:
    """What somebody has changed of the Service, in words; its port, and what it leads to, may differ by an edit."""
    node_port = exposure.node_port_of(observed.service)
    kind = exposure.service_type(context)
    if observed.service and observed.service["spec"]["type"] != kind:
        kind = "NodePort" if node_port else "ClusterIP"
    wanted = children.service(context.owner, Exposure(kind, node_port))
    return children.service_drift(observed.service, wanted)


def _replicas(context: Pass, observed: Observed) -> int:
    return children.replicas(context.spec, observed.deployment)


def _why_nobody(context: Pass, observed: Observed) -> str:
    if observed.deployment is None:
        return NO_DEPLOYMENT
    if drift := service_drift(context, observed):
        return f"Service {context.name}: {drift}"
    if not any(pod.is_ready for pod in observed.pods):
        return NO_POD
    return f"nothing answers at {_url(context)}"


async def _answering(context: Pass, observed: Observed, serving: int | None) -> int | None:
    """The revision that answers at the address."""
    place = await exposure.place_of_last(context, observed)
    if isinstance(place, InCluster) and not (observed.pods or observed.terminating):
        return None  # of many resources at rest, none costs a request
    if place is not None:
        answered = await address.revision_at(place)
        return int(answered) if answered.isascii() and answered.isdecimal() else None
    # The address cannot be reached from here, but the Service leads to pods that are or were just ready.
    if service_drift(context, observed):
        return None
    return serving or max((pod.started_with for pod in observed.terminating if pod.is_ready), default=None)


def _url(context: Pass) -> str:
    local = f"http://localhost:{context.local_port}/score"
    return str(context.last_status.get("url") or (local if context.local_port else exposure.in_cluster(context)))
