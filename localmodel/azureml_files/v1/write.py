"""v1: writes an inference configuration (--ic) and a local deployment configuration (--dc)."""

import json
from typing import Any

import yaml

from localmodel.azureml_files.exported import Exportable, Exported, unsaid
from localmodel.environments.formats import conda, server_packages
from localmodel.resource.server_settings import ServerSettings
from localmodel.resource.spec import EnvironmentSpec


def write(deployment: Exportable) -> Exported:
    """The files, without models, whose names v1 has on the command line."""
    spec = deployment.spec
    variables = {**deployment.variables, **_server_variables(spec.server)}
    inference = {
        "entryScript": spec.entry_script,
        "sourceDirectory": "./code",
        "environment": {
            "name": deployment.name,
            **({"environmentVariables": variables} if variables else {}),
            **_environment(spec.environment),
        },
    }
    port = {"port": spec.local_port} if spec.local_port else {}
    notes = unsaid(
        spec,
        "replicas",
        "resources",
        "pod",
        "capture",
        "progress_deadline_seconds",
        "revision_history_limit",
        "suspend",
    )
    if deployment.labels:
        notes.append("metadata.labels: a local deployment has no tags")
    return Exported(
        {
            "inferenceconfig.json": _json(inference),
            "deploymentconfig.json": _json({"computeType": "local", **port}),
            **{f"code/{path}": content for path, content in deployment.files.items()},
        },
        (*deployment.notes, *notes),
    )


def _environment(spec: EnvironmentSpec) -> dict[str, Any]:
    """The fields `python` and `docker`, with Azure ML's server added to the packages."""
    requirements = (*spec.requirements, server_packages.V1)
    plain = EnvironmentSpec(spec.python, requirements)
    python = {"userManagedDependencies": False, "condaDependencies": yaml.safe_load(conda.write(plain))}
    if spec.dockerfile is not None:
        return {"python": python, "docker": {"baseDockerfile": spec.dockerfile}}
    return {"python": python, **({"docker": {"baseImage": spec.base_image}} if spec.base_image else {})}


def _server_variables(server: ServerSettings) -> dict[str, str]:
    """The variables of settings that differ from their defaults, if Azure ML's server reads them, too."""
    changed = server.variables().items() - ServerSettings().variables().items()
    return {name: value for name, value in sorted(changed) if not name.startswith("LOCALMODEL_")}


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
