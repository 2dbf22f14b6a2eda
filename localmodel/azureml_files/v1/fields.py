"""v1: the fields of an inference configuration (--ic) and of a deployment configuration (--dc)."""

from localmodel.azureml_files.fields import Format, Kind, mapped, noted, refused

_SPARK = "Spark is not supported; a script that needs it has to bring pyspark in its requirements"
_IMAGE_ACCESS = "images are pulled with the engine's own login (`docker login`)"
_ENGINE = "the target decides how containers are run"

INFERENCE = Format(
    "an inference configuration (--ic)",
    (
        mapped("entryScript", Kind.TEXT, "`spec.scoring.entryScript`"),
        mapped("sourceDirectory", Kind.TEXT, "folder of `spec.scoring.source`; the file's own folder if absent"),
        noted("description", "without meaning here; `metadata.annotations` has room for it"),
        mapped("environment", Kind.OBJECT, "`spec.environment`"),
        mapped("environment.name", Kind.TEXT, "with nothing below python and docker: `spec.environment.ref`"),
        mapped("environment.version", Kind.TEXT, "version of that environment; the latest if absent"),
        mapped(
            "environment.environmentVariables",
            Kind.TEXTS,
            "`spec.env`; WORKER_COUNT and SCORING_TIMEOUT_MS become `spec.server`",
        ),
        mapped("environment.python", Kind.OBJECT, "`spec.environment`"),
        mapped("environment.python.condaDependencies", Kind.ANY, "`spec.environment.python` and `requirements`"),
        mapped("environment.python.condaDependenciesFile", Kind.TEXT, "the same, in a file below sourceDirectory"),
        mapped(
            "environment.python.userManagedDependencies",
            Kind.BOOLEAN,
            "true: the image brings the packages, conda dependencies are not read",
        ),
        noted("environment.python.interpreterPath", "the image's `python3` is used"),
        refused("environment.python.baseCondaEnvironment", "it lies on another machine: list its packages instead"),
        mapped("environment.docker", Kind.OBJECT, "`spec.environment`"),
        mapped(
            "environment.docker.baseImage", Kind.TEXT, "`spec.environment.baseImage`; Azure ML's own are noted only"
        ),
        mapped("environment.docker.baseDockerfile", Kind.TEXT, "an environment of the store, `spec.environment.ref`"),
        noted("environment.docker.baseImageRegistry", _IMAGE_ACCESS),
        noted("environment.docker.enabled", _ENGINE),
        noted("environment.docker.arguments", _ENGINE),
        noted("environment.docker.sharedVolumes", _ENGINE),
        noted("environment.docker.shmSize", _ENGINE),
        noted("environment.docker.gpuSupport", "name GPUs in `spec.resources.limits`"),
        noted("environment.docker.platform", "images are made for the nodes' platform"),
        noted("environment.docker.preparation", _ENGINE),
        refused("environment.docker.buildContext", "give the Dockerfile's text as baseDockerfile instead"),
        noted("environment.inferencingStackVersion", "the server is the deployment's own"),
        noted("environment.spark", _SPARK),
        noted("environment.databricks", "without meaning here"),
        noted("environment.assetId", "Azure ML's own record"),
        refused("environment.r", "entry scripts are Python"),
        mapped("runtime", Kind.TEXT, "`python`; others are refused"),
        mapped(
            "condaFile", Kind.TEXT, "`spec.environment.python` and `requirements`, from a file below sourceDirectory"
        ),
        mapped("baseImage", Kind.TEXT, "`spec.environment.baseImage`; Azure ML's own are noted only"),
        noted("baseImageRegistry", _IMAGE_ACCESS),
        refused("extraDockerfileSteps", "write a whole Dockerfile, and name it as environment.docker.baseDockerfile"),
        refused(
            "extraDockerfileStepsFile", "write a whole Dockerfile, and name it as environment.docker.baseDockerfile"
        ),
        refused("dependencies", "put the files into sourceDirectory"),
        noted("schemaFile", "the script's own schema decorators make the swagger document"),
        noted("enableGpu", "name GPUs in `spec.resources.limits`"),
        noted("cudaVersion", "the packages or the image bring CUDA"),
    ),
)

DEPLOYMENT = Format(
    "a deployment configuration (--dc)",
    (
        mapped("computeType", Kind.TEXT, "local, aci and aks; others are refused"),
        mapped("port", Kind.NUMBER, "`spec.service.localPort`"),
        mapped("numReplicas", Kind.NUMBER, "`spec.replicas`"),
        mapped("containerResourceRequirements", Kind.OBJECT, "`spec.resources`"),
        mapped("containerResourceRequirements.cpu", Kind.TEXT, "`spec.resources.requests.cpu`"),
        mapped("containerResourceRequirements.cpuLimit", Kind.TEXT, "`spec.resources.limits.cpu`"),
        mapped("containerResourceRequirements.memoryInGB", Kind.TEXT, "`spec.resources.requests.memory`"),
        mapped("containerResourceRequirements.memoryInGBLimit", Kind.TEXT, "`spec.resources.limits.memory`"),
        mapped("containerResourceRequirements.gpu", Kind.TEXT, "`spec.resources.limits`, as `nvidia.com/gpu`"),
        mapped("gpuCores", Kind.TEXT, "`spec.resources.limits`, as `nvidia.com/gpu`"),
        mapped("scoringTimeoutMs", Kind.NUMBER, "`spec.server.scoringTimeoutSeconds`, rounded up"),
        mapped("maxConcurrentRequestsPerContainer", Kind.NUMBER, "`spec.server.workers`, unless WORKER_COUNT says it"),
        noted("maxQueueWaitMs", "requests wait in line up to a number, not for a time"),
        noted("livenessProbeRequirements", "the server replaces a worker that does not answer"),
        noted("autoScaler", "`spec.replicas` is fixed; a HorizontalPodAutoscaler may scale the resource"),
        mapped("tags", Kind.TEXTS, "`metadata.labels`, where they can be labels"),
        noted("properties", "Azure ML's own record"),
        noted("description", "without meaning here; `metadata.annotations` has room for it"),
        noted("namespace", "`kubectl` and `metadata.namespace` say that"),
        noted("appInsightsEnabled", "nothing is sent to Azure; `/metrics` has figures for Prometheus"),
        noted("dataCollection", "requests are not recorded"),
        noted("authEnabled", "an address on localhost asks for no key"),
        noted("primaryKey", "an address on localhost asks for no key"),
        noted("secondaryKey", "an address on localhost asks for no key"),
        noted("tokenAuthEnabled", "an address on localhost asks for no key"),
        noted("sslEnabled", "the address is plain HTTP on localhost"),
        noted("sslCertificate", "the address is plain HTTP on localhost"),
        noted("sslCertificateFile", "the address is plain HTTP on localhost"),
        noted("sslKey", "the address is plain HTTP on localhost"),
        noted("sslKeyFile", "the address is plain HTTP on localhost"),
        noted("sslCname", "the address is plain HTTP on localhost"),
        noted("dnsNameLabel", "the address is on localhost"),
        noted("location", "the target says where: `--target`, `--context`"),
        noted("isDefault", "all requests go to the newest revision that loads"),
        noted("trafficPercentile", "all requests go to the newest revision that loads"),
        noted("versionName", "revisions are numbered"),
        noted("vnetName", "the address is on localhost"),
        noted("subnetName", "the address is on localhost"),
        noted("cmkVaultBaseUrl", "without meaning here"),
        noted("cmkKeyName", "without meaning here"),
        noted("cmkKeyVersion", "without meaning here"),
    ),
)
