"""v2: writes an online deployment, managed or Kubernetes, with its endpoint, code folder and environment."""

import shlex
from typing import Any

import yaml

from localmodel.azureml_files.exported import Exportable, Exported, Model, unsaid
from localmodel.azureml_files.fields import refusal
from localmodel.azureml_files.v2 import collector
from localmodel.environments.formats import conda, server_packages
from localmodel.resource.spec import EnvironmentSpec

# Azure ML's image with conda and without Python packages, for a conda file.
_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
_INSTANCE_TYPE = "Standard_DS3_v2"
_COMPUTE = "azureml:your-cluster"
_DEPLOYMENT = "blue"
_SCHEMA = "https://azuremlschemas.azureedge.net/latest/{kind}Online{what}.schema.json"
_LONGEST_TIMEOUT = 180  # seconds, for a managed endpoint
_DEFAULT_DEADLINE = 300


def write(deployment: Exportable, kind: str) -> Exported:
    """The files. `kind` is "managed" or "kubernetes".

    Raises:
        UserError: AzureFieldRefused, if there are several models.
    """
    if len(deployment.models) > 1:
        raise refusal("spec.models: a v2 deployment has one model: put them into one folder, or export --kind v1")
    environment, files, notes = _environment(deployment.spec.environment, deployment.name)
    settings, more = _settings(deployment, kind)
    variables = dict(deployment.variables)
    if deployment.spec.server.workers != 1:
        variables["WORKER_COUNT"] = str(deployment.spec.server.workers)
    document = {
        "$schema": _SCHEMA.format(kind=kind, what="Deployment"),
        "type": kind,
        "name": _DEPLOYMENT,
        "endpoint_name": deployment.name,
        **({"tags": dict(deployment.labels)} if deployment.labels else {}),
        **({"model": _model(deployment.models[0])} if deployment.models else {}),
        "code_configuration": {"code": "./code", "scoring_script": deployment.spec.entry_script},
        "environment": environment,
        **({"environment_variables": variables} if variables else {}),
        **settings,
    }
    return Exported(
        {
            "deployment.yml": _yaml(document),
            "endpoint.yml": _yaml(_endpoint(deployment.name, kind)),
            **{f"code/{path}": content for path, content in deployment.files.items()},
            **files,
        },
        (*deployment.notes, *_name_notes(deployment.name), *notes, *more),
    )


def _model(model: Model) -> str | dict[str, str]:
    if model.path is None:
        return f"azureml:{model.name}:{model.version}"
    return {"name": model.name, "version": str(model.version), "type": "custom_model", "path": f"./{model.path}"}


def _environment(spec: EnvironmentSpec, name: str) -> tuple[dict[str, Any], dict[str, bytes], list[str]]:
    """The field, the files that it names, and notes, with Azure ML's server added to the packages."""
    requirements = (*spec.requirements, server_packages.V2)
    if spec.dockerfile is not None:
        packages = shlex.join(requirements)
        text = f"{spec.dockerfile.rstrip()}\nRUN python3 -m pip install --no-cache-dir {packages}\n"
        field: dict[str, Any] = {"build": {"path": "./environment", "dockerfile_path": "Dockerfile"}}
        return {"name": f"{name}-environment", **field}, {"environment/Dockerfile": text.encode()}, []
    notes = []
    if spec.base_image is not None:
        notes.append(
            "spec.environment.baseImage: in Azure ML the script does not see the Python packages of the image; "
            "name what it needs in spec.environment.requirements"
        )
    file = conda.write(EnvironmentSpec(spec.python, requirements))
    field = {"image": spec.base_image or _IMAGE, "conda_file": "./conda.yml"}
    return {"name": f"{name}-environment", **field}, {"conda.yml": file.encode()}, notes


def _settings(deployment: Exportable, kind: str) -> tuple[dict[str, Any], list[str]]:
    spec = deployment.spec
    timeout = spec.server.scoring_timeout_seconds
    notes: list[str] = []
    if kind == "managed" and timeout > _LONGEST_TIMEOUT:
        notes.append(
            f"spec.server.scoringTimeoutSeconds: a managed endpoint allows {_LONGEST_TIMEOUT}, so that is written"
        )
        timeout = _LONGEST_TIMEOUT
    settings: dict[str, Any] = {
        "instance_count": spec.replicas,
        "request_settings": {
            "request_timeout_ms": timeout * 1000,
            "max_concurrent_requests_per_instance": spec.server.workers,
        },
    }
    if spec.progress_deadline_seconds != _DEFAULT_DEADLINE:
        settings["readiness_probe"] = _probe(spec.progress_deadline_seconds)
    collected, more = collector.write(spec.capture)
    settings |= collected
    notes += more
    if kind == "managed":
        settings["instance_type"] = _INSTANCE_TYPE
        notes += [f"deployment.yml: instance_type: {_INSTANCE_TYPE} is only a guess", *unsaid(spec, "resources")]
    else:
        notes.append("endpoint.yml: compute: put in the name of the cluster that is attached to the workspace")
        if spec.resources:
            settings["resources"] = {key: _texts(amounts) for key, amounts in spec.resources.items()}
    return settings, [*notes, *unsaid(spec, "local_port", "pod", "revision_history_limit", "suspend")]


def _texts(amounts: dict[str, Any]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def _probe(deadline: int) -> dict[str, int]:
    """A readiness probe that asks every ten seconds, and gives up after the deadline (at least 10 seconds)."""
    failures = max(1, (deadline - 10) // 10)
    return {"initial_delay": deadline - 10 * failures, "period": 10, "failure_threshold": failures}


def _endpoint(name: str, kind: str) -> dict[str, Any]:
    compute = {"compute": _COMPUTE} if kind == "kubernetes" else {}
    return {"$schema": _SCHEMA.format(kind=kind, what="Endpoint"), "name": name, **compute, "auth_mode": "key"}


def _name_notes(name: str) -> list[str]:
    fits = 3 <= len(name) <= 32
    return [] if fits else [f"metadata.name: an endpoint's has 3 to 32 characters; put a name like that in for {name}"]


def _yaml(value: object) -> bytes:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120).encode()
