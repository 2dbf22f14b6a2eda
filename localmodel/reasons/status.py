"""Reasons of conditions and Events: what a deployment is doing, and what has to change."""

from localmodel.reasons.table import EVENTS, NEITHER, STAGES, STALLED, UNDER_WAY
from localmodel.reasons.table import also as _also
from localmodel.reasons.table import reason as _reason

# Work in progress (Reconciling)

PROGRESSING = _reason(
    UNDER_WAY,
    "Progressing",
    "the edit is being read, and the requirements are being locked",
    "check that the package index can be reached: `lmd doctor`",
)
FETCHING_MODEL = _reason(
    UNDER_WAY,
    "FetchingModel",
    "a model or the script is being fetched from its address (`ModelResolved` says how far), or will be again after a "
    "failure that may pass; the message has it",
    "check the address, the network and the operator's proxy if it lasts",
)
BUILDING_ENVIRONMENT = _reason(
    UNDER_WAY,
    "BuildingEnvironment",
    "the base image, the server and the requirements are being installed",
    "the operator's log shows the installer's output",
)
DELIVERING = _reason(
    UNDER_WAY,
    "Delivering",
    "the image is on its way to the nodes or to the registry",
    "the first time this is the whole environment; later it is a few KB",
)
DELIVERY_FAILED = _reason(
    UNDER_WAY,
    "DeliveryFailed",
    "a node or the registry did not accept the image; the operator tries again, and the other nodes have it",
    "the message contains the error: often a full disk (`docker system df`)",
)
UPDATING = _reason(
    UNDER_WAY, "Updating", "the running pods load the revision and check it beside the serving one", "`lmd logs NAME`"
)
ROLLING_BACK = _reason(
    UNDER_WAY, "RollingBack", "the revision failed, and the previous one will serve again; the message says why"
)
ROLLING_OUT = _reason(
    UNDER_WAY,
    "RollingOut",
    "pods of the new revision are starting, or connections to the last old one are being closed",
    "`kubectl describe pod`",
)
PROVING = _reason(
    UNDER_WAY,
    "Proving",
    "most requests to the new revision have failed so far; the operator waits for a few more before it rolls back "
    "or sets Ready. On `Durable`: pods are not replaced yet",
    "`lmd logs NAME`",
)
CANARY_RUNNING = _reason(
    UNDER_WAY,
    "CanaryRunning",
    "the new revision is tried on clients' requests, as `spec.update.shadow` and `spec.update.canary` say; "
    "`status.canary` has what was counted",
    "a step that lasts longer than its `seconds` lacks requests: see `minRequests`",
)
AWAITING_PROMOTION = _reason(
    UNDER_WAY,
    "AwaitingPromotion",
    "the last step of the canary is over, and `promote` is `Manual`",
    "`lmd promote NAME` or `lmd abort NAME` ([details](how-to/canary.md#promote-or-abort))",
)
SERVICE_CHANGED = _reason(
    UNDER_WAY,
    "ServiceChanged",
    "somebody has deleted or changed the Service; the operator restores it",
    "find out who may write them",
)
DEPLOYMENT_DELETED = _reason(
    UNDER_WAY,
    "DeploymentDeleted",
    "somebody has deleted the Deployment; the operator restores it",
    "find out who may write them",
)
UNSCHEDULABLE = _reason(
    UNDER_WAY,
    "Unschedulable",
    "no node has room for a pod; the operator waits until the deadline",
    "free some room, or lower `spec.resources.requests`",
)
NOT_ANSWERING = _reason(
    UNDER_WAY,
    "NotAnswering",
    "no pod is ready, or pods are ready and the address does not reach them; the message says which",
    "see [below](#nothing-answers-on-localhost)",
)
ADDRESS_PENDING = _reason(
    UNDER_WAY,
    "AddressPending",
    "`spec.service.expose` asks for an address of the cluster, and the cluster has not given one yet; or another "
    "deployment that has the host and the path is being deleted",
    "the message says who has not given it: `kubectl describe` the Service, Ingress or HTTPRoute NAME; on a cluster "
    "that gives none, choose `NodePort` or `None`",
)
PORT_PENDING = _reason(
    UNDER_WAY,
    "PortPending",
    "another deployment or Service has `spec.service.localPort`, and is being deleted; or the deployment is some "
    "seconds old, and may take the place of that one under another name",
    "if the message names what is to stay, use another port; `PortTaken` follows after 5 s",
)
DELETING = _reason(
    UNDER_WAY,
    "Deleting",
    "the resource is being deleted, and somebody's finalizer blocks it: it continues to serve, and edits are not "
    "followed",
    "find out who set the finalizer that the message names",
)
OPERATOR_FAILED = _reason(
    UNDER_WAY,
    "OperatorFailed",
    "the operator has an internal error, and tries again",
    "its log has the details; please report a bug",
)

# Something has to change (Stalled)

MODEL_NOT_FOUND = _reason(
    STALLED,
    "ModelNotFound",
    "the store has no model of that name",
    "`lmd model register PATH --name NAME`, with the operator's `LOCALMODEL_HOME`; `lmd model list` shows what exists",
)
VERSION_NOT_FOUND = _reason(
    STALLED,
    "VersionNotFound",
    "the store has no such version of the model, environment or code",
    "the message lists what exists: register the version, or use another",
)
STORE_MISSING = _reason(
    STALLED,
    "StoreMissing",
    "the store's folder does not exist",
    "register a model, or start the operator with the right `LOCALMODEL_HOME`",
)
MODEL_DAMAGED = _reason(
    STALLED, "ModelDamaged", "the model's content is missing from the store", "register the same files again"
)
MODEL_UNREADABLE = _reason(
    STALLED,
    "ModelUnreadable",
    "a model that is to be served without a script is damaged, or is not what its name says",
    "save it again; the message says what is wrong",
)
SCRIPT_NEEDED = _reason(
    STALLED,
    "ScriptNeeded",
    "the model cannot be served without a script",
    "the message says why; `lmd init` starts a script",
)
ENVIRONMENT_NOT_FOUND = _reason(
    STALLED, "EnvironmentNotFound", "the store has no environment of that name", "the message lists what exists"
)
CODE_NOT_FOUND = _reason(STALLED, "CodeNotFound", "the store has no code of that name", "the message lists what exists")
CODE_DAMAGED = _reason(
    STALLED, "CodeDamaged", "the code's content is missing from the store", "deploy from its folder again"
)
ENTRY_SCRIPT_MISSING = _reason(
    STALLED,
    "EntryScriptMissing",
    "the source has no file with that name",
    "correct `spec.scoring.entryScript`, or the keys of the ConfigMap",
)
ENTRY_SCRIPT_INVALID = _reason(
    STALLED,
    "EntryScriptInvalid",
    "the script has a syntax error, or no `init()` or `run()`, or its name is not valid",
    "the message has file and line, or says which names are valid",
)
SOURCE_MISSING = _reason(
    STALLED,
    "SourceMissing",
    "the ConfigMap with the code does not exist",
    "apply it; with kustomize, keep the sample's `kustomizeconfig.yaml`",
)
SOURCE_INVALID = _reason(
    STALLED,
    "SourceInvalid",
    "the ConfigMap contains binary files, or the folder of a repository a link",
    "only text files can be code in a ConfigMap: `lmd apply FOLDER` accepts others",
)
VARIABLE_SOURCE_MISSING = _reason(
    STALLED, "VariableSourceMissing", "a ConfigMap or Secret in `spec.env`, or its key, does not exist", "create it"
)
CREDENTIALS_MISSING = _reason(
    STALLED,
    "CredentialsMissing",
    "a Secret that `credentials` names does not exist, or has no key that is read",
    "create it in the resource's namespace; [the keys](how-to/models-by-address.md#credentials-on-a-cluster)",
)
VERSION_MISMATCH = _reason(
    STALLED,
    "VersionMismatch",
    "a model was saved by another version of a package than the environment has. Only `ModelResolved` says "
    "so: nothing stops",
    "the message says what to write into `spec.environment.requirements`",
)
NAMES_MISSING = _reason(
    STALLED,
    "NamesMissing",
    "a model's pickle names classes or functions of the script that saved it (its `__main__`), and the entry "
    "script does not have them. Only `ModelResolved` says so: nothing stops",
    "define them in the entry script, or import them there from a module beside it; you need not save the model again",
)
MODULE_MISSING = _reason(
    STALLED,
    "ModuleMissing",
    "the script, a file that it imports, or a model's pickle imports what no requirement brings. If only "
    "`ModelResolved` says so, nothing stops: the import may never run",
    "the message has the requirements to add; write an import that may fail into `try` with `except ImportError`",
)
REQUIREMENTS_UNRESOLVABLE = _reason(
    STALLED,
    "RequirementsUnresolvable",
    "no set of packages satisfies the requirements, or one of them [is not a valid "
    "requirement](packages.md#what-a-requirement-may-be)",
    "the message has its number, or the resolver's output",
)
WHEEL_MISSING = _reason(
    STALLED,
    "WheelMissing",
    "a package has no wheel for the Python and the platform, and is not built from source here",
    "the message lists the Pythons that have one; [what you can do](packages.md#what-a-requirement-may-be)",
)
ENVIRONMENT_INVALID = _reason(
    STALLED,
    "EnvironmentInvalid",
    "the environment names a Python or an image that does not exist, or a stored lock has been changed",
    "the message has the field or the file",
)
REQUIREMENTS_NOT_INSTALLABLE = _reason(
    STALLED,
    "RequirementsNotInstallable",
    "the packages of the lock cannot be installed",
    "the message has the installer's last lines; `lmd env build NAME` shows all of them",
)
PACKAGE_INDEX_UNREACHABLE = _reason(
    STALLED,
    "PackageIndexUnreachable",
    "the package index does not answer",
    "[Where packages come from](packages.md#when-it-fails)",
)
PACKAGE_INDEX_REFUSED = _reason(
    STALLED,
    "PackageIndexRefused",
    "the package index refuses access",
    "[Where packages come from](packages.md#when-it-fails)",
)
PACKAGE_SOURCES_INVALID = _reason(
    STALLED,
    "PackageSourcesInvalid",
    "the settings of package sources cannot be read",
    "[Where packages come from](packages.md#when-it-fails)",
)
PLATFORM_UNSUPPORTED = _reason(STALLED, "PlatformUnsupported", "the nodes are neither amd64 nor arm64")
BASE_IMAGE_UNREADABLE = _reason(
    STALLED,
    "BaseImageUnreadable",
    "neither an engine nor its registry has the base image, or it cannot be read",
    "check the name, and `docker login`; without a registry, `docker load` it first",
)
ENVIRONMENT_BUILD_FAILED = _reason(
    STALLED,
    "EnvironmentBuildFailed",
    "the installation failed, or the build of a package that has no wheel",
    "the message has the last lines; the operator tries again after a minute, or at the next edit; the build of a "
    "wheel only when what is built is edited, or its Job deleted",
)
ENGINE_UNREACHABLE = _reason(
    STALLED,
    "EngineUnreachable",
    "no Docker engine answers the operator",
    "start Docker; if `DOCKER_HOST` is set, it must name the engine",
)
PORT_UNMAPPED = _reason(
    STALLED,
    "PortUnmapped",
    "the cluster does not map `spec.service.localPort`",
    "use a port that the message names; kind maps ports only when it creates a cluster (`kind-config.yaml`). "
    "`spec.service.expose: None` needs none",
)
PORT_TAKEN = _reason(
    STALLED,
    "PortTaken",
    "another Service has the port, or it is allocated to another deployment",
    "use a port that the message names, or omit `spec.service.localPort` to have a free one allocated",
)
NO_PORT_FREE = _reason(
    STALLED,
    "NoPortFree",
    "the deployment names no port, and all ports that could be allocated are taken",
    "delete a deployment, or create the cluster with more ports (`kind-config.yaml`); `spec.service.expose: None` "
    "needs none; without kind, name a free port",
)
NO_ROOM = _reason(
    STALLED,
    "NoRoom",
    "there is not enough memory for the new revision's workers beside the serving ones",
    "free some, lower `spec.server.workers`, raise the container's limit, or end the old workers first: "
    "`spec.update.strategy: Recreate`",
)
REVISION_NOT_FOUND = _reason(
    STALLED,
    "RevisionNotFound",
    "the annotation `localmodel.dev/serve-revision` names a revision that is not kept, or whose record "
    "(ControllerRevision) the operator has not signed, because somebody else has written or changed it",
    "the serving revision continues, and the next edit serves. `kubectl annotate lmd NAME "
    "localmodel.dev/serve-revision-` withdraws the request; `lmd history NAME` lists the kept revisions; delete a "
    "record that is not the operator's",
)
ERROR_RATE = _reason(
    STALLED,
    "ErrorRate",
    "a revision failed at least half of its first requests (10 or more, within a minute of a warm swap), more than "
    "twice the share of the previous one, and was rolled back",
    "`lmd logs NAME`; correct the script",
)
IMAGE_LOST = _reason(
    STALLED,
    "ImageLost",
    "the image of a revision is neither on the nodes nor in the store any more",
    "edit the resource, or request another revision",
)
NOT_OWNED = _reason(
    STALLED, "NotOwned", "a Deployment or Service with that name belongs to somebody else", "rename one of the two"
)
DEPLOYMENT_REFUSED = _reason(
    STALLED,
    "DeploymentRefused",
    "the API server refuses the Deployment",
    "the message is the API server's: an admission policy, contradicting resources, or a field of `spec.pod`",
)
SERVICE_REFUSED = _reason(
    STALLED,
    "ServiceRefused",
    "the API server refuses the Service",
    "the message is the API server's: mostly an admission policy",
)
ROUTE_TAKEN = _reason(
    STALLED,
    "RouteTaken",
    "another deployment has the host and the path of `spec.service`, or one in another namespace has a path above or "
    "below it",
    "the message names it: choose another path or host",
)
ROUTE_REFUSED = _reason(
    STALLED,
    "RouteRefused",
    "the API server refuses the Ingress or the HTTPRoute of `spec.service.expose`, or does not know HTTPRoute",
    "the message is the API server's: an admission policy, another Ingress with this host and path, or a right that "
    "the operator lacks (its chart has them all)",
)
AUTOSCALER_REFUSED = _reason(
    STALLED,
    "AutoscalerRefused",
    "the API server refuses the HorizontalPodAutoscaler of `spec.autoscaling`",
    "the message is the API server's: mostly a right that the operator lacks (its chart has them all)",
)
FAILED_CREATE = _reason(
    STALLED,
    "FailedCreate",
    "pods are refused",
    "the message is the API server's: usually a ResourceQuota, or no such ServiceAccount or PriorityClass",
)
GATE_FAILED = _reason(
    STALLED,
    "GateFailed",
    "the new revision gave another answer than [the gate](how-to/gate.md) expects; the previous one "
    "continues. `GatePassed` has the reason, too",
    "the message has the request, the part of the answer, the expected and the actual value: correct the "
    "script, the model, or the gate",
)
REPLAY_FAILED = _reason(
    STALLED,
    "ReplayFailed",
    "the new revision answers more captured requests otherwise than the one before it than "
    "[`spec.update.replay`](how-to/replay.md#before-an-update) allows; the previous one continues. `Replayed` has the "
    "reason, too",
    "the message has the counts and the fields. `lmd replay` shows the values: correct the script or the model, or, if "
    "the answers are meant to change, `maxChanged`, `tolerance` or `ignore`",
)
GATE_MISSING = _reason(
    STALLED,
    "GateMissing",
    "the ConfigMap with the gate's requests does not exist, or has no key `gate.yaml`",
    "create it, or correct `spec.update.gate.configMap`",
)
GATE_INVALID = _reason(
    STALLED,
    "GateInvalid",
    "a request of the gate is not valid",
    "the message has the field, or file and line; [the fields of a request](how-to/gate.md#the-fields-of-a-request)",
)
INIT_FAILED = _reason(
    STALLED,
    "InitFailed",
    "the script did not load, or `init()` raised an exception",
    "the message has the line of your script, and `lmd logs` the traceback. If the serving revision holds what "
    "`init()` needs (`Address already in use`, a lock), [`spec.update.strategy: Recreate`](reference/updates.md) "
    "ends that revision first",
)
SETTINGS_INVALID = _reason(
    STALLED,
    "SettingsInvalid",
    "a variable of the server, in `spec.env` or in the image, has a value that is not valid",
    "the message names it; [all variables](reference/server.md)",
)
OUT_OF_MEMORY = _reason(
    STALLED,
    "OutOfMemory",
    "the container was killed for lack of memory",
    "raise `spec.resources.limits.memory`; each worker has its own copy of the model",
)
CRASH_LOOP = _reason(STALLED, "CrashLoop", "the container ends again and again", "`kubectl logs --previous`")
CONTAINER_CONFIG_INVALID = _reason(
    STALLED,
    "ContainerConfigInvalid",
    "the kubelet cannot start the container",
    "the message is the kubelet's: usually a Secret or ConfigMap that no longer exists",
)
_also(
    STALLED,
    UNSCHEDULABLE,
    "there is still no room after the deadline",
    "free some room, or lower `spec.resources.requests`",
)
CANARY_FAILED = _reason(
    STALLED,
    "CanaryFailed",
    "the new revision failed, was slower or answered otherwise than `fail` of `spec.update.canary` or "
    "`spec.update.shadow` allows; the one before it goes on serving",
    "the message has the figures; `lmd logs NAME`. An edit of the revision or of these fields starts another trial",
)
CANARY_ABORTED = _reason(
    STALLED,
    "CanaryAborted",
    "somebody has given the new revision up with `lmd abort`; the one before it goes on serving",
    "edit the manifest: back to what serves, or to something new",
)
NO_ROOM_FOR_CANARY = _reason(
    STALLED,
    "NoRoomForCanary",
    "the new revision cannot be loaded beside the one that serves, which `spec.update.canary` and "
    "`spec.update.shadow` need: too little memory, another environment, or another Secret",
    "raise `spec.resources.limits.memory`, or take the fields out of the manifest for this edit",
)
PROGRESS_DEADLINE_EXCEEDED = _reason(
    STALLED,
    "ProgressDeadlineExceeded",
    "pods did not become ready in time",
    "`lmd logs`; a slow `init()` needs a larger `spec.update.progressDeadlineSeconds`",
)

# Other reasons

SERVING = _reason(NEITHER, "Serving", "everything is as requested")
SCALED_TO_ZERO = _reason(
    NEITHER,
    "ScaledToZero",
    "`spec.replicas` is 0, or the Deployment of `spec.autoscaling` was scaled to 0 by hand: the resource is Ready, and "
    "nothing answers",
)
SERVING_ASKED = _reason(
    NEITHER,
    "ServingAsked",
    "a revision serves that was requested with `lmd rollback`; the next edit ends this "
    "([details](how-to/rollback.md#what-ends-a-rollback)). The annotation does not change the generation: `kubectl "
    "wait` for [`status.revisions.serving`](how-to/rollback.md) before `Ready`",
)
SUSPENDED = _reason(NEITHER, "Suspended", "`spec.suspend` is true: the serving revision continues, and edits wait")

# Stages and other conditions

RESOLVED = _reason(STAGES, "Resolved", "`ModelResolved`: models and code are there")
NOT_REFRESHED = _reason(
    STAGES,
    "NotRefreshed",
    "`ModelResolved`: the address of a model cannot be looked at again as its `refresh` asks; what it has led to "
    "before serves, and the operator tries again",
)
BUILDING = _reason(STAGES, "Building", "`EnvironmentBuilt` is False: the environment is being installed")
BUILT = _reason(STAGES, "Built", "`EnvironmentBuilt`: the environment is installed")
PASSED = _reason(STAGES, "Passed", "`GatePassed`: every request of the gate was answered as expected")
NOT_ASKED = _reason(
    STAGES, "NotAsked", "`GatePassed`, `Replayed`: the manifest has no gate any more, or no `spec.update.replay`"
)
ANSWERED_AS_BEFORE = _reason(
    STAGES, "AnsweredAsBefore", "`Replayed`: not more answers to captured requests have changed than may"
)
TOO_FEW_CAPTURED = _reason(
    STAGES,
    "TooFewCaptured",
    "`Replayed` is False: fewer answers than `spec.update.replay.minRequests` could be compared, so that nothing was "
    "judged; the revision serves",
)
NOT_REPLAYED = _reason(
    STAGES,
    "NotReplayed",
    "`Replayed` is False: no pod that served another revision before had captured requests; the revision serves "
    "without having been compared",
)
DELIVERED = _reason(STAGES, "Delivered", "`ImageDelivered`: every node, or the registry, has the image")
_also(STAGES, SCALED_TO_ZERO, "`ImageDelivered`: the image is sent when a pod is wanted")
ALL_DURABLE = _reason(
    STAGES,
    "Durable",
    "`Durable`: every pod was started with the revision that serves, so that a restart changes nothing",
)
ANSWERING = _reason(STAGES, "Answering", "`Available`: some revision answers at the address")
REQUESTS_FAIL = _reason(
    STAGES,
    "RequestsFail",
    "`Degraded`: a share of the requests fails, or workers were killed for lack of memory",
    "`lmd logs NAME`; the message has the share",
)

# Events beside those of Ready

PUT_BACK = _reason(
    EVENTS,
    "PutBack",
    "somebody has changed the container of the Deployment (`kubectl set env`, an image, a command) or scaled it; "
    "the operator has restored it",
    "edit the resource; annotations, labels and containers of others stay",
)
SCALED_BY_OTHERS = _reason(
    EVENTS,
    "ScaledByOthers",
    "a HorizontalPodAutoscaler targets the Deployment, and the operator reverts it each time",
    "let it scale the resource: `scaleTargetRef: {apiVersion: localmodel.dev/v1alpha1, kind: LocalModelDeployment, "
    "name: NAME}`",
)
