"""Every environment variable that the server reads, with its default: settings and the reference are made from them."""

from __future__ import annotations

from typing import NamedTuple


class Variable(NamedTuple):
    """A default of "" means that an unset variable has a meaning of its own. flag is the command line's name for it."""

    name: str
    default: str
    text: str
    flag: str = ""


VARIABLES = (
    Variable(
        "AML_APP_ROOT", "/var/azureml-app", "Folder of the code; the current folder when started by `--entry_script`"
    ),
    Variable("AZUREML_ENTRY_SCRIPT", "", "The script below AML_APP_ROOT; else score.py, or main.py", "--entry_script"),
    Variable("AZUREML_SOURCE_DIRECTORY", "", "Folder below AML_APP_ROOT that imports are looked up in, too"),
    Variable("AZUREML_MODEL_DIR", "", "Folder of the models, for the script to read", "--model_dir"),
    Variable("SERVER_PORT", "5001", "Where to listen; 0 lets the system choose", "--port"),
    Variable(
        "HEALTH_PORT", "", "A second port, which answers `/`, `/livez` and `/readyz` and nothing else", "--health_port"
    ),
    Variable(
        "SEPERATE_HEALTH_ENDPOINT", "", "true: the second port is 5000 unless HEALTH_PORT says otherwise; false: none"
    ),
    Variable("WORKER_COUNT", "1", "Processes that run the script; each calls init()", "--worker_count"),
    Variable("WORKER_PRELOAD", "false", "Call init() once and fork the workers from that process"),
    Variable("SCORING_TIMEOUT_MS", "60000", "Milliseconds that run() may take before its worker is replaced"),
    Variable("WORKER_TIMEOUT", "0", "The same in seconds; the shorter one counts, 0 means not set"),
    Variable("AZUREML_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL; requests are logged at INFO"),
    Variable(
        "AML_CORS_ORIGINS",
        "",
        "Origins whose pages may call, separated by commas, or `*`; those of others are refused with 403",
        "--access_control_allow_origins",
    ),
    Variable(
        "LOCALMODEL_ALLOWED_HOSTS",
        "",
        "Names that the server is called by, as behind an Ingress, separated by commas, or `*`. Others than these, "
        "localhost, IP addresses, the Service's and the machine's own are refused with 421",
    ),
    Variable("SERVICE_NAME", "ML service", "Title of the swagger document"),
    Variable("SERVICE_VERSION", "1.0", "Version in the swagger document"),
    Variable(
        "SERVICE_PATH_PREFIX",
        "",
        "Path in front of the routes, where a proxy adds one: documents name it, and what comes below it is answered",
    ),
    Variable("SERVER_VERSION_LOG_RESPONSE_ENABLED", "true", "false: answers have no x-ms-server-version"),
    Variable("AZUREML_DEBUG_PORT", "", "Port at which a debugger waits for the worker to connect"),
    Variable("LOCALMODEL_STRICT_PARITY", "false", "true: answer as Azure ML's server does where this one does better"),
    Variable("LOCALMODEL_BATCHING", "auto", "off: one request per call of run(), always"),
    Variable("LOCALMODEL_INPUT_KEY", "data", "Key that other dialects' inputs reach an undecorated script under"),
    Variable(
        "LOCALMODEL_MODEL_NAME", "", "What other dialects call the model; by default SERVICE_NAME, or else `model`"
    ),
    Variable("LOCALMODEL_MODEL", "", "The models served, with their digests, as answers and metrics tell them"),
    Variable("LOCALMODEL_REVISION", "", "The revision served, as answers and metrics tell it"),
    Variable(
        "LOCALMODEL_CONTENT", "", "Digest of what the revision is; one that is kept warm can be gone back to by it"
    ),
    Variable("LOCALMODEL_GATE", "", "JSON file with the requests that the revision must pass before it serves"),
    Variable("LOCALMODEL_MAX_REQUEST_BYTES", "104857600", "Longest request body; a longer one is answered with 413"),
    Variable(
        "LOCALMODEL_MAX_DECODED_BYTES",
        "1073741824",
        "Most memory that decoding a request may take in the server; one that takes more is answered with 413",
    ),
    Variable("LOCALMODEL_CAPTURE", "", "spec.capture as JSON: which requests are kept in LOCALMODEL_CAPTURE_FOLDER"),
    Variable("LOCALMODEL_CAPTURE_FOLDER", "", "Folder for the requests that are captured"),
    Variable(
        "LOCALMODEL_REPLAY",
        "",
        "spec.update.replay as JSON: which captured requests the revision must answer as before",
    ),
    Variable(
        "LOCALMODEL_DRAIN_SECONDS",
        "0",
        "Seconds that new requests are still taken after a stop signal, while they come: 5 s without one end it",
    ),
    Variable("LOCALMODEL_LOG_FORMAT", "text", "text or json"),
    Variable("LOCALMODEL_PYTHON", "/opt/env/bin/python", "Interpreter of the environment that the script runs in"),
    Variable("LOCALMODEL_TERMINATION_LOG", "", "File to write the reason to when the first load fails"),
    Variable(
        "LOCALMODEL_ADMIN_PORT", "", "Port for the operator's calls, which bring other revisions; none without it"
    ),
    Variable(
        "LOCALMODEL_ADMIN_KEY", "", "The operator's public key (Ed25519, 32 bytes in base64); calls must be signed"
    ),
    Variable("LOCALMODEL_POD_UID", "", "The pod that calls must be meant for"),
    Variable("LOCALMODEL_SERVICE_NAME", "", "The Service that leads to the pod, or the container's name"),
    Variable("LOCALMODEL_PUBLIC_HOST", "", "The name that an Ingress or a Gateway leads to the server from"),
    Variable("LOCALMODEL_PUBLIC_PATH", "", "The path that it does from; it goes before SERVICE_PATH_PREFIX"),
    Variable("LOCALMODEL_SERVICE_NAMESPACE", "", "The namespace of that Service"),
    Variable("LOCALMODEL_OWNER", "", "The deployment (NAMESPACE/NAME/UID) that a decision must be about"),
    Variable("LOCALMODEL_EPOCH", "0", "Number of the operator's decision that the image's revision came with"),
    Variable("LOCALMODEL_ENVIRONMENT", "", "Key of the image's environment; bundles for another one are refused"),
    Variable("LOCALMODEL_STATE_FOLDER", "", "Folder that survives the container, for the revisions brought"),
    Variable("LOCALMODEL_WANTED_FOLDER", "", "Folder with what the deployment wants, read at the start"),
    Variable("LOCALMODEL_MAX_BUNDLE_BYTES", "2147483648", "Longest bundle of a revision, packed and unpacked"),
)
NAMES = frozenset(variable.name for variable in VARIABLES)
DEFAULTS = {variable.name: variable.default for variable in VARIABLES}
# For telemetry to Azure, which this server does not send.
IGNORED = frozenset(
    {
        *("AML_APP_INSIGHTS_ENABLED", "AML_APP_INSIGHTS_KEY", "APP_INSIGHTS_LOG_RESPONSE_ENABLED"),
        *("AML_MODEL_DC_STORAGE_ENABLED", "AML_MDC_STORAGE_ENABLED", "WORKSPACE_NAME", "HOSTNAME"),
    }
)
