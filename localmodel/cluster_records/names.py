"""Names in the cluster that must never change between releases: labels, annotations, field managers, images."""

from localmodel.resource import schema

GROUP = schema.API_VERSION.partition("/")[0]
# kubectl's name of the kind.
RESOURCE = f"localmodeldeployments.{GROUP}"

# Field managers of server-side apply. Renaming one would leave the old one's fields orphaned.
FIELD_MANAGER = "localmodel-operator"
STATUS_MANAGER = "localmodel-operator-status"
# Of a Deployment's replicas, until an autoscaler writes them
REPLICAS_MANAGER = "localmodel-operator-replicas"

MANAGED_BY = {"app.kubernetes.io/managed-by": "localmodel"}
MANAGED_SELECTOR = "app.kubernetes.io/managed-by=localmodel"
DEPLOYMENT_LABEL = f"{GROUP}/deployment"
REVISION_LABEL = f"{GROUP}/revision"
# On pods that build a wheel: the deployment that waits for it
BUILD_LABEL = f"{GROUP}/builds-for"

# This host does not exist, because pods never pull these images; the name says whose they are.
IMAGE_PREFIX = f"{GROUP}/deployment/"


def repository(owner_uid: str) -> str:
    """The repository of one LocalModelDeployment's images, by the resource's uid."""
    return f"{IMAGE_PREFIX}{owner_uid}"


def owner_uid(reference: str) -> str:
    """The uid in a reference made with `repository()`."""
    return reference.removeprefix(IMAGE_PREFIX).partition("@")[0]


# A person requests a revision by its number; a trailing word makes the same number count as a new request.
SERVE_ANNOTATION = f"{GROUP}/serve-revision"
# A person has a revision that is tried on clients' requests serve, or given up: its number, and maybe a generation.
PROMOTE_ANNOTATION = f"{GROUP}/promote"
ABORT_ANNOTATION = f"{GROUP}/abort"
# On decisions of operators that did not sign: the request above, and the inputs that it was made for
PIN_ANNOTATION = f"{GROUP}/pin"
# On ControllerRevisions: the operator's signature
SIGNATURE_ANNOTATION = f"{GROUP}/signature"
# On ControllerRevisions: why the revision does not serve
FAILED_ANNOTATION = f"{GROUP}/failed"
# On ControllerRevisions: why the last trial of the revision on clients' requests failed
TRIAL_ANNOTATION = f"{GROUP}/trial-failed"
# On pods: digest of the versions of the Secrets that their variables come from
SECRETS_ANNOTATION = f"{GROUP}/secrets"
# On pods: digest of the spec.pod that they were made with
POD_ANNOTATION = f"{GROUP}/pod"
# On Deployments: when the progress deadline of an earlier pod template was over
OUTLIVED_ANNOTATION = f"{GROUP}/deadline-outlived"
# On Services: the kinds of the other children that only some specs have
OPTIONAL_ANNOTATION = f"{GROUP}/optional-children"
