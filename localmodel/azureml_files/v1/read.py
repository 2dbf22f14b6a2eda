"""v1: reads an inference configuration (--ic) and a deployment configuration (--dc)."""

import posixpath
from typing import Any

from localmodel.azureml_files import settings
from localmodel.azureml_files.document import Node
from localmodel.azureml_files.draft import At, Draft, EnvironmentDraft, at
from localmodel.azureml_files.fields import look_over, number, refusal, text
from localmodel.azureml_files.v1.fields import DEPLOYMENT, INFERENCE

_COMPUTE_TYPES = ("local", "aci", "aks")


def draft(inference: Node, deployment: Node | None) -> Draft:
    """What the two files ask for; name and models come from the command line.

    Raises:
        UserError: AzureFieldRefused; with a line and the place for each field that cannot be converted.
    """
    notes = [*look_over(inference, INFERENCE), *(look_over(deployment, DEPLOYMENT) if deployment else ())]
    script = inference.find("entryScript")
    if script is None:
        raise refusal(inference.problem("entryScript is missing: the file with init() and run()"))
    runtime = inference.find("runtime")
    if runtime and runtime.text.lower() != "python":
        raise refusal(runtime.problem(f"{runtime.text} is not supported, only python"))
    dc = deployment or Node({}, "", "", "")
    served = settings.server(
        inference.find("environment.environmentVariables"),
        number(dc.find("scoringTimeoutMs")),
        number(dc.find("maxConcurrentRequestsPerContainer")),
    )
    labels, label_notes = settings.labels(dc.find("tags"))
    return Draft(
        name=None,
        entry_script=At(posixpath.normpath(script.text), f"{script.place}: {script.path}"),
        code=at(inference.find("sourceDirectory")),
        environment=_environment(inference),
        spec={**served.spec, **_amounts(dc)},
        labels=labels,
        notes=(*notes, *served.notes, *label_notes),
    )


def _environment(inference: Node) -> EnvironmentDraft:
    environment = inference.find("environment")
    if environment is None:
        return EnvironmentDraft(
            image=at(inference.find("baseImage")),
            conda=at(inference.find("condaFile")),
            conda_where=_where(inference.find("condaFile")),
            in_code=True,
        )
    inline, file = (environment.find(f"python.{name}") for name in ("condaDependencies", "condaDependenciesFile"))
    image, dockerfile = (at(environment.find(f"docker.{name}")) for name in ("baseImage", "baseDockerfile"))
    conda = None if _brings_its_packages(environment) else inline or file
    if conda is inline and conda and not isinstance(conda.value, dict):
        raise refusal(conda.problem("the dependencies themselves are expected; a file is condaDependenciesFile"))
    if not (conda or image or dockerfile):
        return EnvironmentDraft(reference=_reference(environment))
    return EnvironmentDraft(
        image=None if dockerfile else image,
        conda=conda.plain() if conda and isinstance(conda.value, dict) else at(conda),
        conda_where=_where(conda),
        dockerfile=dockerfile,
        in_code=True,
    )


def _brings_its_packages(environment: Node) -> bool:
    managed = environment.find("python.userManagedDependencies")
    return managed is not None and managed.value is True


def _reference(environment: Node) -> At | None:
    name, version = environment.find("name"), text(environment.find("version"))
    if name is None:
        return None
    return At(f"azureml:{name.text}" + (f":{version}" if version else ""), _where(name))


def _where(node: Node | None) -> str:
    return f"{node.place}: {node.path}" if node else ""


def _amounts(deployment: Node) -> dict[str, Any]:
    kind = deployment.find("computeType")
    if kind and kind.text.lower() not in _COMPUTE_TYPES:
        raise refusal(kind.problem(f"{kind.text} is not one of {', '.join(_COMPUTE_TYPES)}"))
    spec: dict[str, Any] = {}
    port, replicas = number(deployment.find("port")), number(deployment.find("numReplicas"))
    if port is not None:
        spec["service"] = {"localPort": port}
    if replicas is not None:
        spec["replicas"] = replicas
    if resources := _resources(deployment):
        spec["resources"] = resources
    return spec


def _resources(deployment: Node) -> dict[str, dict[str, str]]:
    given = deployment.find("containerResourceRequirements") or Node({}, "", "", "")
    gpu = text(given.find("gpu")) or text(deployment.find("gpuCores"))
    return settings.amounts(
        _amounts_of(cpu=text(given.find("cpu")), memory=_gigabytes(given.find("memoryInGB"))),
        _amounts_of(cpu=text(given.find("cpuLimit")), memory=_gigabytes(given.find("memoryInGBLimit")), gpu=gpu),
    )


def _gigabytes(node: Node | None) -> str | None:
    return f"{node.text}G" if node else None


def _amounts_of(**amounts: str | None) -> dict[str, str]:
    return {name: value for name, value in amounts.items() if value and value != "0"}
