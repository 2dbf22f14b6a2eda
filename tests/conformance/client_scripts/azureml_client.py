"""Loads a deployment and its endpoint as Azure ML's own library does, or (dump FOLDER) has it write some."""

import json
import sys
from pathlib import Path

from azure.ai.ml import load_online_deployment, load_online_endpoint
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    KubernetesOnlineDeployment,
    ManagedOnlineDeployment,
    Model,
    OnlineRequestSettings,
    ProbeSettings,
    ResourceRequirementsSettings,
    ResourceSettings,
    TargetUtilizationScaleSettings,
)


def loaded(deployment, endpoint):
    one, other = load_online_deployment(deployment), load_online_endpoint(endpoint)
    model, environment = one.model, one.environment
    return {
        "kinds": [type(one).__name__, type(other).__name__],
        "names": [one.endpoint_name, other.name],
        "model": model if isinstance(model, str) else [model.name, str(model.version), model.type],
        "model is there": isinstance(model, str) or Path(model.base_path, model.path).exists(),
        "code": one.code_configuration.scoring_script,
        "code is there": Path(deployment).parent.joinpath(one.code_configuration.code).is_dir(),
        "image": environment.image,
        "conda": environment.conda_file,
        "build": environment.build.dockerfile_path if environment.build else None,
        "variables": one.environment_variables,
        "count": one.instance_count,
        "timeout": one.request_settings.request_timeout_ms,
        "at once": one.request_settings.max_concurrent_requests_per_instance,
        "probe": vars(one.readiness_probe) if one.readiness_probe else None,
        "limits": vars(one.resources.limits) if getattr(one, "resources", None) else None,
        "tags": one.tags,
    }


def dump(folder):
    common = {
        "name": "blue",
        "endpoint_name": "iris",
        "model": Model(path=folder / "model.pkl", name="iris", tags={"area": "flowers"}),
        "environment": Environment(image="example.com/team/base:1", conda_file=folder / "conda.yml"),
        "code_configuration": CodeConfiguration(code=str(folder / "src"), scoring_script="score.py"),
        "environment_variables": {"GREETING": "hello"},
        "request_settings": OnlineRequestSettings(
            request_timeout_ms=3000, max_concurrent_requests_per_instance=2, max_queue_wait_ms=500
        ),
        "liveness_probe": ProbeSettings(initial_delay=5),
        "readiness_probe": ProbeSettings(initial_delay=30, period=10, failure_threshold=3, timeout=2),
        "instance_count": 2,
        "tags": {"team": "garden"},
    }
    amounts = ResourceSettings(cpu="1", memory="1Gi", gpu="1")
    kubernetes = KubernetesOnlineDeployment(
        **common,
        resources=ResourceRequirementsSettings(requests=amounts, limits=amounts),
        scale_settings=TargetUtilizationScaleSettings(min_instances=1, max_instances=3),
    )
    kubernetes.dump(folder / "kubernetes.yml")
    ManagedOnlineDeployment(**common, instance_type="Standard_DS3_v2").dump(folder / "managed.yml")


if sys.argv[1] == "dump":
    print(json.dumps(dump(Path(sys.argv[2]))))
else:
    print(json.dumps(loaded(*sys.argv[1:])))
