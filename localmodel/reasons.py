"""Every reason: one CamelCase word for programs, with what it means and what to do.

Conditions and Events have one, and so has each `UserError`. Scripts match on their text, so a text never changes. To
add one, add a constant here and run `hack/docs`: the tables of `docs/troubleshooting.md` are made from this file.
"""

from typing import NamedTuple, NewType

Reason = NewType("Reason", str)


class Row(NamedTuple):
    """A row of a table: what the reason means there, in Markdown, and what to do, which may be empty."""

    reason: Reason
    means: str
    do: str


# The tables by their names in the page, each a list of rows.
TABLES: dict[str, list[Row]] = {}

UNDER_WAY = "under-way"
STALLED = "stalled"
NEITHER = "neither"
STAGES = "stages"
EVENTS = "events"
COMMANDS = "commands"
OPERATOR = "operator"
DOCKER = "docker"
STORE = "store"
AZURE_FILES = "azure-files"


def _reason(table: str, text: str, means: str, do: str = "") -> Reason:
    _also(table, Reason(text), means, do)
    return Reason(text)


def _also(table: str, reason: Reason, means: str, do: str = "") -> None:
    """Add a row for the same reason to another table."""
    TABLES.setdefault(table, []).append(Row(reason, means, do))


# Work in progress (Reconciling)

PROGRESSING = _reason(
    UNDER_WAY,
    "Progressing",
    "the edit is being read, and the requirements are being locked",
    "check that the package index can be reached: `lmd doctor`",
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
    "the ConfigMap contains binary files",
    "only text files can be code: `lmd apply FOLDER` accepts others",
)
VARIABLE_SOURCE_MISSING = _reason(
    STALLED, "VariableSourceMissing", "a ConfigMap or Secret in `spec.env`, or its key, does not exist", "create it"
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
    "a package has no wheel for the Python and the nodes' platform, and is not built from source",
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
    "the engine can neither find nor pull the base image",
    "check the name; without a registry, `docker load` it first",
)
ENVIRONMENT_BUILD_FAILED = _reason(
    STALLED,
    "EnvironmentBuildFailed",
    "the installation failed",
    "the message has the last lines; the operator tries again after a minute, or at the next edit",
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
    "use a port that the message names; kind maps ports only when it creates a cluster (`kind-config.yaml`)",
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
    "delete a deployment, or create the cluster with more ports (`kind-config.yaml`); without kind, name a free port",
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
PROGRESS_DEADLINE_EXCEEDED = _reason(
    STALLED,
    "ProgressDeadlineExceeded",
    "pods did not become ready in time",
    "`lmd logs`; a slow `init()` needs a larger `spec.update.progressDeadlineSeconds`",
)

# Other reasons

SERVING = _reason(NEITHER, "Serving", "everything is as requested")
SCALED_TO_ZERO = _reason(NEITHER, "ScaledToZero", "`spec.replicas` is 0: the resource is Ready, and nothing answers")
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
BUILDING = _reason(STAGES, "Building", "`EnvironmentBuilt` is False: the environment is being installed")
BUILT = _reason(STAGES, "Built", "`EnvironmentBuilt`: the environment is installed")
PASSED = _reason(STAGES, "Passed", "`GatePassed`: every request of the gate was answered as expected")
NOT_ASKED = _reason(STAGES, "NotAsked", "`GatePassed`: the manifest has no gate any more")
DELIVERED = _reason(STAGES, "Delivered", "`ImageDelivered`: every node, or the registry, has the image")
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

# Commands and Python

SCORING_FAILED = _reason(
    COMMANDS,
    "ScoringFailed",
    "the deployment answered with an error",
    "see `error.status`, `.body`, and the script's `.traceback`; the log has more under `.request_id`",
)
NOT_SERVING = _reason(
    COMMANDS, "NotServing", "no revision of the deployment answers", "the message says why; `deployment.logs()`"
)
UNREACHABLE = _reason(
    COMMANDS,
    "Unreachable",
    "there is no connection to the deployment",
    "`deployment.state`; check that the address reaches it",
)
TIMED_OUT = _reason(
    COMMANDS,
    "TimedOut",
    "there is no answer within your timeout",
    "a larger `timeout=`; the log says what the script is doing",
)
INPUT_AMBIGUOUS = _reason(
    COMMANDS,
    "InputAmbiguous",
    "you sent an array or a table, and the script's schema has several places for it",
    'send a dict: `{"left": array, "right": array}`',
)
ANSWER_INVALID = _reason(
    COMMANDS,
    "AnswerInvalid",
    "the script says that its answer is JSON, and it is not",
    "the message shows its beginning; correct the script's content type",
)
MODEL_TWICE = _reason(
    COMMANDS,
    "ModelTwice",
    "the deployment names two versions of one model, or models whose names differ only in case",
    "name one of them",
)
_also(
    COMMANDS,
    ENVIRONMENT_INVALID,
    "a conda file, requirements file, Dockerfile or saved folder contains something that an environment cannot have",
    "the message has file, line, and what to write instead",
)
ENVIRONMENT_FILE_MISSING = _reason(
    COMMANDS,
    "EnvironmentFileMissing",
    "the requirements file does not exist",
    "paths are relative to the current folder",
)
SOURCE_TOO_LARGE = _reason(
    COMMANDS,
    "SourceTooLarge",
    "the code has more than 64 MiB or 10,000 files",
    "register models instead, and exclude other files with [`.lmdignore`](how-to/source-folder.md); without "
    "`source_directory`, only the modules of the folder count",
)
_also(
    COMMANDS,
    SOURCE_MISSING,
    "the folder that it was deployed from no longer exists",
    "deploy from where the code is now",
)
_also(
    COMMANDS,
    SOURCE_INVALID,
    "a file cannot be read, a link points to nothing or into itself, or an ignore file is not valid",
    "the message names it; correct or remove it, or exclude it with [`.lmdignore`](how-to/source-folder.md)",
)
MODEL_FILE_MISSING = _reason(
    COMMANDS, "ModelFileMissing", "there is no file or folder at the path", "paths start at the current folder"
)
MODEL_INCOMPLETE = _reason(
    COMMANDS,
    "ModelIncomplete",
    "a link in the model's folder points to something missing",
    "fetch what is missing (`dvc pull`, `git annex get`)",
)
_also(COMMANDS, PORT_TAKEN, "another program uses the port that `--port` names", "name another port")
SOURCE_UNKNOWN = _reason(
    COMMANDS,
    "SourceUnknown",
    "`reload` cannot read a deployment that a manifest created",
    "`lmd apply -f` that manifest",
)
DEPLOYMENT_NAME_INVALID = _reason(
    COMMANDS, "DeploymentNameInvalid", "Kubernetes would refuse the name", "use lower-case letters, digits and `-`"
)
NAME_TAKEN = _reason(
    COMMANDS,
    "NameTaken",
    "the deployment of this name was applied from another folder, or as a manifest",
    "give it another name (`--name`), or take the place of the other with `--replace`",
)
SETTINGS_FILE_INVALID = _reason(
    COMMANDS,
    "SettingsFileInvalid",
    "a folder's `lmd.toml` is not as [its page](reference/lmd-toml.md) says",
    "the message names file, line and key",
)
DEPLOYMENT_NOT_FOUND = _reason(
    COMMANDS,
    "DeploymentNotFound",
    "this target has no deployment of that name",
    "`lmd status`; perhaps it is on another `--target`",
)
REVISION_FAILED = _reason(
    COMMANDS,
    "RevisionFailed",
    "the script or its `init()` failed; the serving revision continues",
    "file and line are in the message, the traceback in `error.traceback` and the log",
)
TARGET_UNKNOWN = _reason(
    COMMANDS,
    "TargetUnknown",
    "there is no such target",
    "use `process`, `docker` or `kind`, also in `LOCALMODEL_TARGET`",
)
_also(
    COMMANDS,
    NO_ROOM,
    "there is not enough memory for the new revision's workers beside the serving ones",
    "free some, lower `spec.server.workers`, or raise the container's limit",
)
_also(
    COMMANDS,
    REVISION_NOT_FOUND,
    "there is no revision with that number, or none before the serving one",
    "`lmd history NAME` lists what is kept; `spec.revisionHistoryLimit` sets how many",
)
ROLLBACK_ENDED = _reason(
    COMMANDS,
    "RollbackEnded",
    "somebody edited the deployment while `lmd rollback` waited; the edit serves",
    "run `lmd rollback` again if you still want it",
)
SUPERSEDED = _reason(
    COMMANDS,
    "Superseded",
    "a newer command has replaced this one; the exit code of `lmd` is 3",
    "nothing, if the newer command is yours",
)
BUSY = _reason(
    COMMANDS,
    "Busy",
    "another command is changing the deployment and does not give way before the deadline (it installs an "
    "environment, for instance)",
    "wait for it",
)
OTHER_KIND = _reason(
    COMMANDS,
    "OtherKind",
    "the file or the registry's artifact is of another kind than the command expects",
    "the message names the right command",
)
NOT_STARTED = _reason(COMMANDS, "NotStarted", "there are no pods to look into yet", "`lmd status` says what is missing")
NOT_RUNNING = _reason(COMMANDS, "NotRunning", "no server runs that could be looked into", "`lmd start` starts one")
CLUSTER_DECIDES = _reason(
    COMMANDS,
    "ClusterDecides",
    "a cluster starts and stops pods as the manifest says",
    "the message has the command of kubectl",
)
SERVER_OUTDATED = _reason(
    COMMANDS, "ServerOutdated", "the running server has another version than `lmd`", "`lmd apply` again"
)
DEBUGGER_NOT_INSTALLABLE = _reason(
    COMMANDS,
    "DebuggerNotInstallable",
    "debugpy cannot be installed",
    "the message has the cause; the deployment serves as before",
)
DEBUGGER_FAILED = _reason(
    COMMANDS,
    "DebuggerFailed",
    "the script does not load with debugpy",
    "the message has the cause; the deployment serves as before",
)
GONE = _reason(
    COMMANDS,
    "Gone",
    "the server ended while the debugger was being attached",
    "the message has the cause; the deployment serves as before",
)
KUBECTL_MISSING = _reason(
    COMMANDS, "KubectlMissing", "the target kind uses kubectl, which is not installed", "install it"
)
KUBECTL_FAILED = _reason(COMMANDS, "KubectlFailed", "kubectl has failed", "the message contains its output")
MLFLOW_MISSING = _reason(
    COMMANDS,
    "MlflowMissing",
    "an address such as `models:/NAME@ALIAS` is read with MLflow's client, which is not installed",
    "`pip install 'localmodel[mlflow]'`",
)
MLFLOW_REFUSED = _reason(
    COMMANDS,
    "MlflowRefused",
    "MLflow's tracking server or local store did not give the model",
    "the message has its answer: correct the address, the alias, `MLFLOW_TRACKING_URI` or the credentials",
)
ARGUMENT_INVALID = _reason(
    COMMANDS,
    "ArgumentInvalid",
    "a Python program gives an argument a value of the wrong kind; nothing has been changed",
    "the message names the argument and what it takes",
)
INVALID_MANIFEST = _reason(
    COMMANDS,
    "InvalidManifest",
    "the manifest cannot be read, or has a field or value that is not valid",
    "the message has file, line and field; [all fields](reference/resource.md)",
)
PYTHON_MISSING = _reason(
    COMMANDS,
    "PythonMissing",
    "this machine has no such Python",
    "`uv python install 3.11`, or name another with `--python` or `spec.environment.python`",
)
URL_INVALID = _reason(
    COMMANDS, "BadURL", "the argument of `lmd conformance` is not the address of a server", "`http://HOST:PORT`"
)

# The operator does not start

ALREADY_RUNNING = _reason(
    OPERATOR,
    "AlreadyRunning",
    "another operator for this cluster runs with the same store",
    "stop it with `hack/operator down`; the message names the lock file it holds",
)
CLUSTER_UNREACHABLE = _reason(
    OPERATOR,
    "ClusterUnreachable",
    "the API server does not answer",
    "check that the cluster runs (`docker ps`), and that the context is right (`kubectl config get-contexts`)",
)
CLUSTER_UNUSABLE = _reason(
    OPERATOR,
    "ClusterUnusable",
    "the nodes are not kind nodes, and no registry is known from which they could pull",
    "`lmd operator run --context kind-localmodel`, or [serve a cluster by a registry](how-to/registry.md)",
)
REGISTRY_INVALID = _reason(
    OPERATOR,
    "RegistryInvalid",
    "the operator's `--registry`, or the cluster's description of its registry, is not valid",
    "[Deliver images through a registry](how-to/registry.md)",
)

# The docker target

DOCKER_PACKAGE_MISSING = _reason(
    DOCKER,
    "DockerPackageMissing",
    "Docker's Python package is an extra, and not installed",
    "`pip install 'localmodel[docker]'`",
)
ENGINE_FORBIDDEN = _reason(
    DOCKER,
    "EngineForbidden",
    "there is an engine, but this user may not use its socket",
    "join the group that owns the socket, or run Docker without root",
)
ENGINE_REMOTE = _reason(
    DOCKER,
    "EngineRemote",
    "the engine runs on another machine, or cannot see this machine's files",
    "unset `DOCKER_HOST`; share the folder of `LOCALMODEL_HOME` with Docker's virtual machine",
)
CONTAINER_REFUSED = _reason(
    DOCKER,
    "ContainerRefused",
    "the engine refuses to start the container; the message contains its error",
    "often a limit below Docker's minimum, or one that the kernel does not support",
)
PORT_GIVEN = _reason(
    DOCKER,
    "PortGiven",
    "a container's port for debuggers is chosen when it starts",
    "omit `--port`: `lmd debug` prints the port, and writes it into `launch.json`",
)

# The store's commands

MODEL_NAME_INVALID = _reason(
    STORE,
    "ModelNameInvalid",
    "a model's name has characters that folders and registries do not accept, or differs only in case from "
    "one in the store",
    "use letters, digits, `.`, `_` and `-`, with a letter or digit first, and the same case as in the store",
)
ENVIRONMENT_NAME_INVALID = _reason(
    STORE,
    "EnvironmentNameInvalid",
    "an environment's name has characters that folders and registries do not accept, or differs only in case "
    "from one in the store",
    "use letters, digits, `.`, `_` and `-`, with a letter or digit first, and the same case as in the store",
)
CODE_NAME_INVALID = _reason(
    STORE,
    "CodeNameInvalid",
    "a code's name has characters that folders and registries do not accept, or differs only in case from "
    "one in the store",
    "use letters, digits, `.`, `_` and `-`, with a letter or digit first, and the same case as in the store",
)
ALIAS_NOT_FOUND = _reason(
    STORE,
    "AliasNotFound",
    "the model has no such alias",
    "the message lists its aliases; `lmd model alias NAME:VERSION ALIAS` sets one",
)
ALIAS_INVALID = _reason(STORE, "AliasInvalid", "the alias looks like a number, or is `latest`", "use a word")
PROPERTY_IMMUTABLE = _reason(STORE, "PropertyImmutable", "a property cannot change", "use a tag for what changes")
MODEL_IN_USE = _reason(
    STORE,
    "ModelInUse",
    "deployments use this version as a model",
    "the message names them: delete them, or move them to another version",
)
ENVIRONMENT_IN_USE = _reason(
    STORE,
    "EnvironmentInUse",
    "deployments use this version as their environment",
    "the message names them: delete them, or move them to another version",
)
STORE_FULL = _reason(
    STORE,
    "StoreFull",
    "the store's disk has not enough room",
    "the message says how much is needed and free; use `lmd store gc` and `lmd env prune`, or another "
    "`LOCALMODEL_HOME`; `lmd store du` shows where the bytes are",
)
STORE_DAMAGED = _reason(
    STORE,
    "StoreDamaged",
    "a manifest of the store was changed or lost outside of the store",
    "`lmd store verify` says which; register, pull or import it again",
)
VARIABLE_INVALID = _reason(
    STORE,
    "VariableInvalid",
    "a variable of the command itself, such as `LOCALMODEL_KEEP_ENVIRONMENTS`, is not valid",
    "the message names it",
)
STATE_DAMAGED = _reason(
    STORE,
    "StateDamaged",
    "a file below `LOCALMODEL_HOME` cannot be read; the message names it, and why",
    "follow the message: `lmd apply` makes a deployment's files again, and `lmd delete` removes them; restore a "
    "version in the store from a backup, or delete it (`lmd model delete`). Lists continue with the others and end "
    "with exit code 1. While it is unknown what a record names, `lmd store gc` and `lmd env prune` remove nothing, "
    "and no version that it may use is deleted",
)
STATE_NEWER = _reason(
    STORE,
    "StateNewer",
    "a later version of localmodel has written the file; it stays unchanged",
    "`pip install --upgrade localmodel`",
)
HOME_UNUSABLE = _reason(
    STORE,
    "HomeUnusable",
    "the folder that `LOCALMODEL_HOME` names, or a file in it, cannot be created, read or written",
    "the message has the path and the system's error: name your own folder, or change the permissions; `lmd "
    "doctor` checks it too",
)
REFERENCE_INVALID = _reason(
    STORE,
    "ReferenceInvalid",
    "the reference to the registry is incomplete",
    "write `HOST/REPOSITORY:TAG`, such as `localhost:5000/models/ridge:3`",
)
REGISTRY_UNREACHABLE = _reason(
    STORE,
    "RegistryUnreachable",
    "no registry answers there, or not with TLS",
    "the message has the error; use `--insecure` for plain HTTP, `REQUESTS_CA_BUNDLE` for your own CA",
)
REGISTRY_REFUSED = _reason(
    STORE,
    "RegistryRefused",
    "the registry needs other credentials, or refuses the request",
    "`docker login HOST`; the message has its answer",
)
ARTIFACT_NOT_FOUND = _reason(
    STORE, "ArtifactNotFound", "the registry has nothing under that tag", "push it first, or correct the tag"
)
ARTIFACT_UNSUPPORTED = _reason(
    STORE,
    "ArtifactUnsupported",
    "the artifact is not one of our models, environments or code, nor a ModelPack model in one uncompressed layer",
    "pull what `lmd model push` has pushed",
)
NAME_MISSING = _reason(STORE, "NameMissing", "the received artifact does not contain its name", "`--name`")
CONTENT_DAMAGED = _reason(
    STORE,
    "ContentDamaged",
    "the received content does not match its digest; nothing was kept",
    "try again; if it happens again, push or export it again",
)
ARCHIVE_INVALID = _reason(
    STORE,
    "ArchiveInvalid",
    "the file is not one that `lmd model export` writes, or a tar of a model or of code contains what is not "
    "accepted: a link, a device, a path that leads out, a name twice, false headers; the message names the member, "
    "and nothing was kept",
    "copy or export it again; do not use a file that others may have changed",
)
TOO_MANY_FILES = _reason(
    STORE,
    "TooManyFiles",
    "the model or the code has more files and folders than one version can have",
    "pack them into fewer files",
)
FILE_EXISTS = _reason(
    STORE, "FileExists", "a download or export would replace a file", "name another folder, or allow it"
)

# Azure ML's files

AZURE_FILE_INVALID = _reason(
    AZURE_FILES,
    "AzureFileInvalid",
    "the file is neither YAML nor JSON, contains a field twice, or does not describe a deployment",
    "the message has the line; give an endpoint's file together with its deployment's file",
)
AZURE_FIELD_REFUSED = _reason(
    AZURE_FILES,
    "AzureFieldRefused",
    "a field is unknown, has another type, or has no equivalent here",
    "the message has field, line and what to write instead; [all fields](how-to/azure-yaml.md)",
)
_also(AZURE_FILES, NAME_MISSING, "v1's files do not name the deployment", "`--name`")
