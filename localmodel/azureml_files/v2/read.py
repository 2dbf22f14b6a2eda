"""v2: reads an online deployment, and its endpoint."""

import posixpath
from typing import Any

from localmodel.azureml_files import settings
from localmodel.azureml_files.document import Node
from localmodel.azureml_files.draft import At, Draft, EnvironmentDraft, ModelFile, at
from localmodel.azureml_files.fields import look_over, number, refusal, text, texts
from localmodel.azureml_files.v2 import collector, traffic
from localmodel.azureml_files.v2.fields import DEPLOYMENT, ENDPOINT

# Azure ML's defaults for a probe.
_INITIAL_DELAY, _PERIOD, _FAILURES = 10, 10, 30


def is_endpoint(root: Node) -> bool:
    """Whether it is an endpoint and not a deployment, which names its endpoint."""
    named = text(root.find("$schema")) or ""
    return "Endpoint.schema" in named or bool({"auth_mode", "traffic"} & {name for name, _ in root.items()})


def draft(deployment: Node, endpoint: Node | None = None) -> Draft:
    """What the deployment asks for.

    Raises:
        UserError: AzureFieldRefused; with a line and the place for each field that cannot be converted.
    """
    notes = [*look_over(deployment, DEPLOYMENT), *(look_over(endpoint, ENDPOINT) if endpoint else ())]
    script, kind = deployment.find("code_configuration.scoring_script"), text(deployment.find("model.type"))
    if script is None and (deployment.find("model") is None or kind == "triton_model"):
        raise refusal(
            deployment.problem(
                "code_configuration.scoring_script is missing: Triton models and images with a server of their own are "
                "not supported; write a script with init() and run() that loads the model"
            )
        )
    served = settings.server(
        deployment.find("environment_variables"),
        number(deployment.find("request_settings.request_timeout_ms")),
        number(deployment.find("request_settings.max_concurrent_requests_per_instance")),
    )
    labels, label_notes = settings.labels(deployment.find("tags"))
    spec = {**served.spec, **_amounts(deployment)}
    tried, more = traffic.update(deployment, endpoint)
    if tried:
        spec["update"] = {**spec.get("update", {}), **tried}
    name, name_notes = _name(deployment, endpoint)
    return Draft(
        name=name,
        entry_script=At(posixpath.normpath(script.text), f"{script.place}: {script.path}") if script else None,
        code=_code(deployment),
        environment=environment(deployment),
        model=_model(deployment),
        spec=spec,
        labels=labels,
        notes=(
            *notes,
            *name_notes,
            *(_model_notes(deployment) if script else ()),
            *served.notes,
            *label_notes,
            *more,
        ),
    )


def _name(deployment: Node, endpoint: Node | None) -> tuple[At | None, list[str]]:
    own, of_endpoint = deployment.find("name"), deployment.find("endpoint_name")
    named = endpoint.find("name") if endpoint else None
    if of_endpoint and named and of_endpoint.text != named.text:
        raise refusal(of_endpoint.problem(f"the endpoint's file calls it {named.text}: give a deployment of that one"))
    chosen = of_endpoint or named or own
    unused = own is not None and own is not chosen
    notes = [own.problem("deployments of an endpoint are revisions here, which are numbered")] if own and unused else []
    return at(chosen), notes


def _code(deployment: Node) -> At | None:
    code = at(deployment.find("code_configuration.code"))
    if code and ("://" in code.text or code.text.startswith("azureml:")):
        raise refusal(f"{code.where}: {code.text} lies elsewhere: download it, and name a folder")
    return code


def _model(deployment: Node) -> At | ModelFile | None:
    model = deployment.find("model")
    if model is None or isinstance(model.value, str):
        return _file_or_reference(at(model))
    path = at(model.find("path"))
    if path is None:
        raise refusal(model.problem("path is missing: a file or a folder"))
    if "://" in path.text or path.text.startswith("azureml:"):
        raise refusal(f"{path.where}: {path.text} lies elsewhere: download it, and name a file or folder")
    description = text(model.find("description")) or ""
    return ModelFile(path, text(model.find("name")), description, texts(model.find("tags")))


def _model_notes(deployment: Node) -> list[str]:
    kind = deployment.find("model.type")
    if kind is None or kind.text == "custom_model":
        return []
    return [kind.problem(f"{kind.text}: the entry script loads it, and no server that fits the type")]


def _file_or_reference(model: At | None) -> At | ModelFile | None:
    """The model, which may also be `model: ./file`, as for Azure ML's own loader."""
    return model if model is None or model.text.startswith(("azureml:", "/subscriptions/")) else ModelFile(model)


def environment(deployment: Node) -> EnvironmentDraft:
    """What the deployment's `environment` asks for.

    Raises:
        UserError: AzureFieldRefused.
    """
    named = deployment.find("environment")
    if named is None:
        return EnvironmentDraft()
    if isinstance(named.value, str):
        return EnvironmentDraft(reference=at(named))
    conda, build = named.find("conda_file"), named.find("build")
    if build and (conda or named.find("image")):
        raise refusal(build.problem("either build, or image and conda_file"))
    if conda and not isinstance(conda.value, str | dict):
        raise refusal(conda.problem("a file's name, or the dependencies themselves"))
    return EnvironmentDraft(
        image=at(named.find("image")),
        conda=conda.plain() if conda and isinstance(conda.value, dict) else at(conda),
        conda_where=f"{conda.place}: {conda.path}" if conda else "",
        dockerfile=_dockerfile(build) if build else None,
    )


def _dockerfile(build: Node) -> At:
    path, name = build.find("path"), text(build.find("dockerfile_path")) or "Dockerfile"
    if path is None:
        raise refusal(build.problem("path is missing: the folder of the Dockerfile"))
    if "://" in path.text:
        raise refusal(path.problem(f"{path.text} lies elsewhere: download it, and name a folder"))
    return At(posixpath.join(path.text, name), f"{path.place}: {path.path}")


def _amounts(deployment: Node) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    counts = (number(deployment.find(field)) for field in ("instance_count", "scale_settings.min_instances"))
    replicas = next((count for count in counts if count is not None), None)
    if replicas is not None:
        spec["replicas"] = replicas
    resources = settings.amounts(
        texts(deployment.find("resources.requests")), texts(deployment.find("resources.limits"))
    )
    if resources:
        spec["resources"] = resources
    if captured := collector.capture(deployment.find("data_collector")):
        spec["capture"] = captured
    if probe := deployment.find("readiness_probe"):
        spec["update"] = {"progressDeadlineSeconds": _deadline(probe)}
    return spec


def _deadline(probe: Node) -> int:
    """The seconds that Azure ML waits until a container is ready."""
    delay, period, failures = (number(probe.find(name)) for name in ("initial_delay", "period", "failure_threshold"))
    return (_INITIAL_DELAY if delay is None else delay) + (_PERIOD if period is None else period) * (
        _FAILURES if failures is None else failures
    )
