"""Children that only some specs have: they are made where the spec asks for them, and deleted where it no longer does.

The Service's annotation names their kinds, so that a resource without any costs no request. A kind is written there
before such a child is made, and removed after the child was deleted.
"""

from collections.abc import Mapping
from dataclasses import replace

from localmodel_operator import children, managed_fields
from localmodel_operator.children import Exposure
from localmodel_operator.cluster import AUTOSCALER, BY_NAME, HTTP_ROUTE, INGRESS, Object
from localmodel_operator.optional import kinds
from localmodel_operator.optional.autoscaler import autoscaler
from localmodel_operator.optional.gateway import http_route
from localmodel_operator.optional.ingress import ingress
from localmodel_operator.passes.context import Pass
from localmodel_operator.passes.observed import Observed


def service(context: Pass, exposed: Exposure, current: Object | None) -> Object:
    """The Service, with the kinds of the optional children that there may be beside the `current` one."""
    return children.service(context.owner, exposed, children.optional_kinds(current) | kinds.asked_for(context.spec))


async def arrange(context: Pass, exposed: Exposure, observed: Observed) -> Observed:
    """Have the Service and the optional children as the spec asks. Returns what there is then.

    What the spec asks for is there before anything else goes. It is applied in each pass, because only the API server
    knows which fields the operator has set before and no longer does; where nothing differs, nothing changes.

    Raises:
        UserError: the API server refuses one of them.
    """
    wanted, present = _wanted(context), dict(observed.optional)
    current = await _applied_service(context, service(context, exposed, observed.service), observed.service)
    for kind, child in wanted.items():
        if kind in present and _is_early(context, kind, observed):
            continue
        if kind in present and _loses_class(present[kind], child):
            await _delete(context, present.pop(kind))
        present[kind] = await context.apply(child, is_new=kind not in present)
    for kind in present.keys() - wanted.keys():
        await _delete(context, present.pop(kind))
    current = await _applied_service(context, children.service(context.owner, exposed, wanted.keys()), current)
    return replace(observed, service=current, optional=present)


def _is_early(context: Pass, kind: str, observed: Observed) -> bool:
    """Whether a route would lead to pods that do not know its host and path yet."""
    is_known = all(pod.placement == children.placement(context.spec) for pod in observed.pods if pod.is_ready)
    return kind in kinds.ROUTES.values() and not is_known


def _loses_class(current: Object, wanted: Object) -> bool:
    """Whether it is an Ingress whose class is left to the cluster now, which chooses one only for a new Ingress."""
    is_left_out = current["kind"] == INGRESS.name and "ingressClassName" not in wanted["spec"]
    return is_left_out and managed_fields.has(current, "ingressClassName")


async def _delete(context: Pass, child: Object) -> None:
    metadata = child["metadata"]
    await context.operator.cluster.delete(BY_NAME[child["kind"]], context.namespace, metadata["name"], metadata["uid"])


def _wanted(context: Pass) -> Mapping[str, Object]:
    """The optional children that the spec asks for, by kind."""
    spec, owner = context.spec, context.owner
    wanted: dict[str, Object] = {}
    if spec.autoscaling:
        wanted[AUTOSCALER.name] = autoscaler(owner, spec.autoscaling)
    if spec.expose == "Ingress":
        wanted[INGRESS.name] = ingress(owner, spec.route)
    if spec.route.gateway:
        wanted[HTTP_ROUTE.name] = http_route(owner, spec.route, spec.route.gateway)
    return wanted


async def _applied_service(context: Pass, wanted: Object, current: Object | None) -> Object:
    """The Service as it is wanted, which is written only if it differs."""
    same_kinds = children.optional_kinds(current) == children.optional_kinds(wanted)
    if current is None or not same_kinds or children.service_drift(current, wanted):
        return await context.apply(wanted)
    return current
