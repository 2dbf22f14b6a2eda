"""Reasons of errors of commands and of Python, of an operator that does not start, and of the docker target."""

from localmodel.reasons.status import (
    ENVIRONMENT_INVALID,
    NO_ROOM,
    PORT_TAKEN,
    REVISION_NOT_FOUND,
    SOURCE_INVALID,
    SOURCE_MISSING,
)
from localmodel.reasons.table import COMMANDS, DOCKER, OPERATOR, STALLED
from localmodel.reasons.table import also as _also
from localmodel.reasons.table import reason as _reason

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
    STALLED,
    SOURCE_TOO_LARGE,
    "the folder in the repository has more than 64 MiB or 10,000 files",
    "name one folder as `path`, and models in `spec.models`",
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
REVISION_NOT_HERE = _reason(
    COMMANDS,
    "RevisionNotHere",
    "a revision is to be tried on this machine, which lacks a part of it, or may not have it",
    "the message names the part; `lmd why` and `lmd history` say what is known of the revision",
)
NOTHING_CAPTURED = _reason(
    COMMANDS,
    "NothingCaptured",
    "there is no captured request of the deployment",
    "`spec.capture.percent` in the manifest captures requests from then on",
)
NOT_TRIED = _reason(
    COMMANDS,
    "NotTried",
    "no revision of the deployment is tried on clients' requests now, so that there is none to promote or abort",
    "`lmd status`; `lmd rollback` goes back from one that serves already",
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
PROGRAM_MISSING = _reason(
    COMMANDS,
    "ProgramMissing",
    "a program that a local cluster needs is not on the PATH",
    "the message says where it is",
)
KIND_FAILED = _reason(COMMANDS, "KindFailed", "kind has failed", "the message contains its output")
OPERATOR_ENDED = _reason(
    COMMANDS,
    "OperatorEnded",
    "the operator has ended while it started",
    "the message has the last line of its log, and the log's path",
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
    "stop it with `lmd operator down`; the message names the lock file it holds",
)
CLUSTER_UNREACHABLE = _reason(
    OPERATOR,
    "ClusterUnreachable",
    "the API server does not answer, or the kubeconfig or the pod's service account does not lead to one",
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
