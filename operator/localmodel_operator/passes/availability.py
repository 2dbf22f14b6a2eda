"""Whether some revision answers at the address that users ask: asked there, and told within a moment of the news."""

from urllib.parse import urlsplit

from localmodel_operator import children
from localmodel_operator.passes.context import Case
from localmodel_operator.passes.observed import World
from localmodel_operator.pods import address
from localmodel_operator.status import builder
from localmodel_operator.status.builder import Seen

_LOOK_AGAIN = 0.5  # seconds, while the address and the pods disagree: one of the two is about to change


async def note(case: Case, found: World, serving: int | None) -> None:
    """Ask at the address. `serving` is the revision that the pods say to answer with."""
    nobody = _why_nobody(case, found)
    number = None if found.service is None else await _asked(case, found, serving)
    case.seen.available = (True, f"revision {serving or number} answers") if number else (False, nobody)
    if bool(number) != any(pod.is_ready for pod in found.pods) and case.spec.replicas:
        case.look_again(_LOOK_AGAIN)


async def tell(case: Case, found: World) -> None:
    """Say at once that nothing answers any more, or something again, or that a child is gone.

    The rest of a pass may take long.
    """
    told = case.owner.get("status", {})
    if told.get("observedGeneration") != case.owner["metadata"]["generation"] or case.seen.available is None:
        return  # an edit is told of in a moment, and this with it
    seen, (answers, message) = Seen.as_told(told), case.seen.available
    seen.available = case.seen.available
    if seen.ready and (trouble := other_service(case, found)):
        seen.progress("ServiceChanged", f"Service {case.name}: {trouble}; it is put right")
    elif seen.ready and found.deployment is None:
        seen.progress("DeploymentDeleted", f"Deployment {case.name}: it has been deleted; it is made anew")
    elif seen.ready and not answers and case.spec.replicas:
        seen.progress("NotAnswering", message)
    elif (builder.condition(told, "Available").get("status") == "True") is answers:
        return  # who answers may change with each look while two revisions do, and is told when the pass ends
    await case.report(seen)


def other_service(case: Case, found: World) -> str:
    """What somebody has done to the Service, in words; its node port may be another one because of an edit."""
    return children.other_service(found.service, children.service(case.owner, _node_port(found)))


def _why_nobody(case: Case, found: World) -> str:
    if found.deployment is None:
        return "there is no Deployment"
    if trouble := other_service(case, found):
        return f"Service {case.name}: {trouble}"
    if not any(pod.is_ready for pod in found.pods):
        return "no pod is ready"
    return f"nothing answers at {_url(case)}"


async def _asked(case: Case, found: World, serving: int | None) -> int | None:
    """The revision that answers there."""
    if case.site.kind_cluster is not None:
        port = urlsplit(_url(case)).port or case.spec.local_port
        answered = await address.answering(case.site.verify(port, _node_port(found) or 0))
        return int(answered) if answered.isascii() and answered.isdecimal() else None
    # from here there is no way to the address: the Service sends who asks to pods that are ready, or were just now
    if other_service(case, found):
        return None
    return serving or max((pod.started_with for pod in found.leaving if pod.is_ready), default=None)


def _url(case: Case) -> str:
    default = f"http://localhost:{case.spec.local_port}/score"
    return str(case.owner.get("status", {}).get("url", default))


def _node_port(found: World) -> int | None:
    ports = found.service["spec"].get("ports", []) if found.service else []
    return next((port["nodePort"] for port in ports if "nodePort" in port), None)
