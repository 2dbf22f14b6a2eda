"""Which optional children a spec asks for."""

from localmodel.resource.spec import DeploymentSpec
from localmodel_operator.cluster import AUTOSCALER, HTTP_ROUTE, INGRESS

# By the value of spec.service.expose
ROUTES = {"Ingress": INGRESS.name, "Gateway": HTTP_ROUTE.name}


def asked_for(spec: DeploymentSpec) -> set[str]:
    """The names of their kinds."""
    autoscaler = {AUTOSCALER.name} if spec.autoscaling else set()
    return autoscaler | ({ROUTES[spec.expose]} if spec.expose in ROUTES else set())
