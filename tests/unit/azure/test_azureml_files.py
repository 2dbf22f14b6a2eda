"""Azure ML's deployment files, read: what becomes of every field."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from localmodel.azureml_files import document
from localmodel.azureml_files.draft import At, Draft, ModelFile
from localmodel.azureml_files.fields import Fate, Field, Format, Kind
from localmodel.azureml_files.references import in_store
from localmodel.azureml_files.v1 import fields as v1_fields
from localmodel.azureml_files.v1 import read as v1_read
from localmodel.azureml_files.v2 import collector as v2_collector
from localmodel.azureml_files.v2 import fields as v2_fields
from localmodel.azureml_files.v2 import read as v2_read
from localmodel.errors import UserError

V2 = {
    "name": "blue",
    "endpoint_name": "iris",
    "code_configuration": {"code": "src", "scoring_script": "score.py"},
    "environment": {"image": "ubuntu:24.04", "conda_file": "conda.yml"},
}
# Two values for each field that does not take just any of its kind, and what they are set in.
PAIRS: dict[str, tuple[Any, Any]] = {
    "model": ("azureml:iris:1", "azureml:iris:2"),
    "environment": ("azureml:iris-env:1", "azureml:iris-env:2"),
    "environment.python.condaDependencies": ({"dependencies": ["python=3.12"]}, {"dependencies": []}),
    "request_settings.request_timeout_ms": (7000, 8000),
    "scoringTimeoutMs": (7000, 8000),
    "data_collector.collections": ({"request": {"enabled": "True"}}, {"request": {"enabled": "False"}}),
    "data_collector.sampling_rate": (0.1, 0.2),
    "data_collector.request_logging.capture_headers": (["a"], ["b"]),
    "traffic": ({"blue": 10}, {"blue": 20}),
    "mirror_traffic": ({"blue": 10}, {"blue": 20}),
}
BY_KIND: dict[Kind, tuple[Any, Any]] = {
    Kind.TEXT: ("7", "8"),
    Kind.NUMBER: (7, 8),
    Kind.BOOLEAN: (True, False),
    Kind.TEXTS: ({"cpu": "1"}, {"cpu": "2"}),
    Kind.ANY: ("7", "8"),
}
# Fields whose value says nothing more than that it may be there.
OF_ONE_VALUE = {"$schema", "type", "computeType", "runtime", "model.type", "scale_settings.type"}
BASES: dict[str, dict[str, Any]] = {
    "environment.build": {"environment": {}},
    "environment.build.path": {"environment": {}},
    "environment.build.dockerfile_path": {"environment": {"build": {"path": "docker"}}},
    "name": {"endpoint_name": None},
    **{f"model.{name}": {"model": {"path": "iris.pkl"}} for name in ("name", "type", "description", "tags", "version")},
    **{f"model.{name}": {"model": {"path": "iris.pkl"}} for name in ("properties", "stage", "flavors", "datastore")},
    **{f"model.{name}": {"model": {"path": "iris.pkl"}} for name in ("utc_time_created", "creation_context", "id")},
    "environment.version": {"environment": {"name": "iris-env"}},
    "environment.python.userManagedDependencies": {"environment": {"python": {"condaDependenciesFile": "c.yml"}}},
}
COLLECTED = {"data_collector": {"collections": {"request": {"enabled": "true"}}}}
BASES |= {path: COLLECTED for path in PAIRS if path.startswith("data_collector.") and "collections" not in path}
FORMATS = (v2_fields.DEPLOYMENT, v2_fields.ENDPOINT, v1_fields.INFERENCE, v1_fields.DEPLOYMENT)


def v2(content: dict[str, Any] | str) -> Draft:
    text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
    return v2_read.draft(document.parse(text, "blue.yml"))


def v1(ic: dict[str, Any], dc: dict[str, Any] | None = None) -> Draft:
    return v1_read.draft(
        document.parse(yaml.safe_dump(ic), "ic.json"), document.parse(yaml.safe_dump(dc), "dc.json") if dc else None
    )


def refusal_of(content: dict[str, Any] | str) -> str:
    with pytest.raises(UserError) as caught:
        v2(content)
    return str(caught.value)


def with_field(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with the field set, and mappings made on the way."""
    name, _, rest = path.partition(".")
    below = base.get(name)
    return {**base, name: with_field(below if isinstance(below, dict) else {}, rest, value) if rest else value}


def read_field(format_: Format, field: Field, value: Any) -> Draft:
    """The smallest document in which the field has this value."""
    base = BASES.get(field.path, {})
    if format_ is v2_fields.DEPLOYMENT:
        return v2(with_field({**V2, **base}, field.path, value))
    if format_ is v2_fields.ENDPOINT:
        endpoint = document.parse(yaml.safe_dump(with_field({}, field.path, value)), "endpoint.yml")
        return v2_read.draft(document.parse(yaml.safe_dump({**V2, "endpoint_name": None}), "blue.yml"), endpoint)
    if format_ is v1_fields.INFERENCE:
        return v1(with_field({"entryScript": "score.py", **base}, field.path, value))
    return v1({"entryScript": "score.py"}, with_field({}, field.path, value))


@pytest.mark.parametrize(
    ("format_", "field"),
    [
        pytest.param(format_, field, id=f"{field.path} of {format_.what}")
        for format_ in FORMATS
        for field in format_.fields
    ],
)
def test_every_field_becomes_what_the_docs_say(format_: Format, field: Field) -> None:
    one, other = PAIRS.get(field.path) or BY_KIND.get(field.kind, ({}, {}))
    said = f": {field.path}: {field.text.replace('`', '')}"
    if field.fate is Fate.REFUSED:
        with pytest.raises(UserError) as caught:
            read_field(format_, field, one)
        assert said in str(caught.value)
    elif field.fate is Fate.NOTED:
        assert any(note.endswith(said) for note in read_field(format_, field, one).notes)
    elif field.kind is not Kind.OBJECT and field.path not in OF_ONE_VALUE:
        # Another value is another deployment: the field is read, and not just let through.
        assert read_field(format_, field, one) != read_field(format_, field, other)


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: str(format_.what))
def test_no_field_is_told_of_twice(format_: Format) -> None:
    paths = [field.path for field in format_.fields]
    assert len(paths) == len(set(paths))


def test_a_whole_deployment() -> None:
    draft = v2(
        """
$schema: https://azuremlschemas.azureedge.net/latest/kubernetesOnlineDeployment.schema.json
name: blue
type: kubernetes
endpoint_name: Iris
model: {name: iris, path: ../model/iris.pkl, type: custom_model, tags: {area: flowers}}
code_configuration: {code: ../src, scoring_script: ./score.py}
environment: {image: "ubuntu:24.04", conda_file: ../env/conda.yml}
environment_variables: {GREETING: hello, WORKER_COUNT: 3, FLAG: true, NUMBER: 010}
instance_count: 2
resources: {requests: {cpu: 0.5, memory: 1Gi}, limits: {gpu: 1}}
request_settings: {request_timeout_ms: 2500, max_concurrent_requests_per_instance: 2}
readiness_probe: {initial_delay: 60, failure_threshold: 5}
tags: {team: garden, "not a label": "really not"}
"""
    )
    assert draft.name == At("Iris", "blue.yml:5: endpoint_name")
    assert draft.entry_script.text == "score.py" and draft.code and draft.code.text == "../src"
    assert draft.model == ModelFile(At("../model/iris.pkl", "blue.yml:6: model.path"), "iris", "", {"area": "flowers"})
    assert draft.spec == {
        "env": [
            {"name": "GREETING", "value": "hello"},
            {"name": "FLAG", "value": "true"},
            {"name": "NUMBER", "value": "010"},  # as it was written, not as YAML counts
        ],
        "server": {"workers": 3, "scoringTimeoutSeconds": 3},
        "replicas": 2,
        "resources": {"requests": {"cpu": "0.5", "memory": "1Gi"}, "limits": {"nvidia.com/gpu": "1"}},
        "update": {"progressDeadlineSeconds": 110},
    }
    assert draft.labels == {"team": "garden"}
    assert any("blue.yml:3: name: " in note for note in draft.notes)
    assert any("not a label" in note for note in draft.notes)


def test_every_problem_is_told_at_once_with_its_line() -> None:
    said = refusal_of(
        "name: blue\n"
        "code_configuration: {code: ., scoring_script: score.py}\n"
        "instance_count: many\n"
        "environment:\n"
        "  image: own-server:1\n"
        "  inference_config:\n"
        "    scoring_route: {port: 5001, path: /score}\n"
        "request_setings: {}\n"
    ).splitlines()
    assert said[0] == "blue.yml:3: instance_count: a whole number expected"
    assert said[1].startswith("blue.yml:7: environment.inference_config: the image has a server of its own")
    assert (
        said[2] == "blue.yml:8: request_setings: an online deployment has no such field; did you mean request_settings?"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"code_configuration": {"code": "<CODE_DIR>", "scoring_script": "s.py"}}, "<CODE_DIR> has a placeholder"),
        ({"model": "azureml:m:{{VERSION}}"}, "model: azureml:m:{{VERSION}} has a placeholder: write what it"),
        ({"model": {"path": "azureml://datastores/x/paths/m"}}, "lies elsewhere: download it"),
        ({"model": {"name": "m"}}, "model: path is missing"),
        (
            {"code_configuration": None, "model": {"path": "m", "type": "triton_model"}},
            "code_configuration.scoring_script is missing",
        ),
        ({"code_configuration": None, "model": None}, "code_configuration.scoring_script is missing"),
        ({"code_configuration": {"code": "azureml:c:1", "scoring_script": "s.py"}}, "azureml:c:1 lies elsewhere"),
        ({"environment": {"image": "i", "build": {"path": "."}}}, "either build, or image and conda_file"),
        ({"environment": {"build": {"dockerfile_path": "D"}}}, "environment.build: path is missing"),
        ({"environment": {"image": "i", "conda_file": 7}}, "a file's name, or the dependencies themselves"),
        ({"environment_variables": {"WORKER_COUNT": "two"}}, "WORKER_COUNT: 'two' is not a whole number above 0"),
        ({"environment_variables": {"A": ["b"]}}, "texts or numbers by name expected"),
    ],
)
def test_what_cannot_be_converted_is_refused(changes: dict[str, Any], said: str) -> None:
    assert said in refusal_of({**V2, **changes})


def test_a_model_without_a_script_is_served_by_itself() -> None:
    draft = v2({**V2, "code_configuration": None, "model": {"path": "m", "type": "mlflow_model"}})
    assert draft.entry_script is None and not any("model.type" in note for note in draft.notes)


@pytest.mark.parametrize("kind", ["mlflow_model", "triton_model"])
def test_a_type_of_model_is_noted_where_a_script_loads_it(kind: str) -> None:
    draft = v2({**V2, "model": {"path": "m", "type": kind}})
    assert any(f"model.type: {kind}: the entry script loads it" in note for note in draft.notes)
    draft = v2({**V2, "model": {"path": "m", "type": "custom_model"}})
    assert not any("model.type" in note for note in draft.notes)


def test_placeholders_of_a_template_are_told_and_texts_in_quotes_are_not_touched() -> None:
    yaml_text = (
        "name: blue\nendpoint_name: {{ENDPOINT_NAME}}\n"
        "code_configuration: {code: ., scoring_script: score.py}\n"
        "environment:\n  image: {{ACR_NAME}}.azurecr.io/own:1\n"
    )
    said = "blue.yml:5: environment.image: <ACR_NAME>.azurecr.io/own:1 has a placeholder: write what it stands for"
    assert refusal_of(yaml_text) == said
    draft = v2({**V2, "environment_variables": {"PROMPT": "{{question}} <b>"}})
    assert draft.spec["env"] == [{"name": "PROMPT", "value": "{{question}} <b>"}]


@pytest.mark.parametrize(
    ("collector", "captured"),
    [
        ({"collections": {"request": {"enabled": "True"}, "response": {"enabled": True}}}, {"percent": 100}),
        ({"collections": {"model_outputs": {"enabled": True}}, "sampling_rate": 0.29}, {"percent": 29}),
        (
            {
                "collections": {"model_inputs": {"enabled": True}, "response": {"enabled": False}},
                "sampling_rate": "0.001",
                "request_logging": {"capture_headers": ["X-User", "X-User", "X-Other"]},
            },
            {"percent": 1, "answers": False, "headers": ["X-User", "X-Other"]},
        ),
        ({"collections": {"request": {"enabled": "False"}}}, None),
        ({"collections": {}, "sampling_rate": 0.5}, None),
        ({}, None),
    ],
)
def test_a_data_collector_keeps_requests(collector: dict[str, Any], captured: dict[str, Any] | None) -> None:
    assert v2({**V2, "data_collector": collector}).spec.get("capture") == captured


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("sampling_rate", 1.5, "data_collector.sampling_rate: 1.5 is not a number from 0 to 1"),
        ("sampling_rate", "often", "often is not a number"),
        ("collections", ["request"], "data_collector.collections: fields expected"),
        ("request_logging", {"capture_headers": "X-User"}, "capture_headers: a list of names expected"),
    ],
)
def test_a_data_collector_that_makes_no_sense_is_refused(field: str, value: Any, said: str) -> None:
    collector = {"collections": {"request": {"enabled": True}}, field: value}
    assert said in refusal_of({**V2, "data_collector": collector})


def test_a_data_collector_is_written_as_it_is_read_unless_it_would_keep_what_is_redacted() -> None:
    kept = {"percent": 5, "answers": True, "redact": [], "headers": ["x-user"], "keep": {}}
    field, notes = v2_collector.write(kept)
    assert v2({**V2, **field}).spec["capture"] == {"percent": 5, "headers": ["x-user"]} and notes == []
    field, notes = v2_collector.write({**kept, "redact": ["$.ssn"]})
    assert field == {} and "spec.capture.redact" in notes[0]
    assert v2_collector.write({}) == ({}, [])


def test_what_is_null_false_or_empty_asks_for_nothing() -> None:
    draft = v2(
        {**V2, "name": "iris", "endpoint_name": "iris", "model": None, "app_insights_enabled": False, "tags": {}}
    )
    assert draft.model is None and [note for note in draft.notes if "app_insights" in note or "tags" in note] == []


def test_variables_that_the_deployment_sets_itself_are_left_out() -> None:
    draft = v2({**V2, "environment_variables": {"AZUREML_MODEL_DIR": "/x", "A": "b"}})
    assert draft.spec["env"] == [{"name": "A", "value": "b"}]
    assert any("AZUREML_MODEL_DIR is set by the deployment itself" in note for note in draft.notes)


def test_the_shorter_timeout_counts() -> None:
    draft = v2(
        {
            **V2,
            "environment_variables": {"SCORING_TIMEOUT_MS": "1000"},
            "request_settings": {"request_timeout_ms": 9000},
        }
    )
    assert draft.spec == {"server": {"scoringTimeoutSeconds": 1}}


def test_an_endpoint_is_told_from_a_deployment_and_has_to_agree() -> None:
    endpoint = document.parse("name: roses\nauth_mode: key\ntraffic: {blue: 100}\n", "endpoint.yml")
    assert v2_read.is_endpoint(endpoint)
    assert not v2_read.is_endpoint(document.parse(yaml.safe_dump(V2), "blue.yml"))
    with pytest.raises(UserError, match=r"blue.yml:4: endpoint_name: the endpoint's file calls it roses"):
        v2_read.draft(document.parse(yaml.safe_dump(V2), "blue.yml"), endpoint)


@pytest.mark.parametrize(
    ("endpoint", "tried"),
    [
        ("{traffic: {blue: 10, green: 90}}", {"canary": 10}),
        ("{traffic: {blue: 0, green: 100}, mirror_traffic: {blue: 5}}", {"shadow": 5}),
        ("{traffic: {blue: 1}, mirror_traffic: {blue: 5}}", {"shadow": 5, "canary": 1}),
        ("{traffic: {blue: 100}, mirror_traffic: {green: 5}}", {}),
        ("{traffic: {blue: null}}", {}),
        ("{traffic: }", {}),
    ],
)
def test_a_deployment_s_part_of_the_traffic_is_a_canary_and_a_copy_of_it_a_shadow(
    endpoint: str, tried: dict[str, int]
) -> None:
    draft = v2_read.draft(
        document.parse(yaml.safe_dump({**V2, "endpoint_name": None}), "blue.yml"), document.parse(endpoint, "e.yml")
    )
    update = draft.spec.get("update", {})
    assert {name: field.get("percent") or field["steps"][0]["percent"] for name, field in update.items()} == tried
    assert update.get("canary", {}).get("promote", "Manual") == "Manual"
    assert any("it serves after 600 s" in note for note in draft.notes) == ([*tried] == ["shadow"])


@pytest.mark.parametrize("share", ["-1", "101", "10.5", "all"])
def test_a_share_that_is_none_is_refused(share: str) -> None:
    endpoint = document.parse(f"traffic: {{blue: {share}}}", "e.yml")
    with pytest.raises(UserError, match=f"e.yml:1: traffic.blue: {share} is not a whole number from 0 to 100"):
        v2_read.draft(document.parse(yaml.safe_dump({**V2, "endpoint_name": None}), "blue.yml"), endpoint)


def test_v1_in_its_older_form_with_an_aks_configuration() -> None:
    draft = v1(
        {
            "entryScript": "score.py",
            "runtime": "python",
            "condaFile": "env.yml",
            "sourceDirectory": None,
            "extraDockerfileSteps": None,
            "enableGpu": False,
        },
        {
            "computeType": "AKS",
            "numReplicas": 3,
            "containerResourceRequirements": {"cpu": 0.5, "memoryInGB": 1.5, "cpuLimit": 1},
            "scoringTimeoutMs": 5000,
            "autoScaler": {"autoscaleEnabled": True},
        },
    )
    assert draft.environment.conda == At("env.yml", "ic.json:1: condaFile")
    assert draft.spec == {
        "server": {"scoringTimeoutSeconds": 5},
        "replicas": 3,
        "resources": {"requests": {"cpu": "0.5", "memory": "1.5G"}, "limits": {"cpu": "1"}},
    }
    assert [note.split(": ")[1] for note in draft.notes] == ["autoScaler"]


def test_v1_refers_to_a_registered_environment_by_its_name_alone() -> None:
    draft = v1({"entryScript": "score.py", "environment": {"name": "iris-env", "version": "4"}}, {"port": 6790})
    assert draft.environment.reference and draft.environment.reference.text == "azureml:iris-env:4"
    assert draft.spec == {"service": {"localPort": 6790}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "entryScript is missing"),
        ({"entryScript": "s.py", "runtime": "spark-py"}, "spark-py is not supported"),
        ({"entryScript": "s.py", "extraDockerfileSteps": "RUN x"}, "write a whole Dockerfile"),
        ({"entryScript": "s.py", "environment": {"python": {"condaDependencies": "c.yml"}}}, "condaDependenciesFile"),
    ],
)
def test_what_v1_says_and_cannot_be_converted(content: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        v1(content)


def test_v1_computes_elsewhere_are_refused() -> None:
    with pytest.raises(UserError, match="iot is not one of local, aci, aks"):
        v1({"entryScript": "s.py"}, {"computeType": "iot"})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("azureml:iris:3", "iris:3"),
        ("azureml:iris:03", "iris:3"),
        ("azureml:iris@latest", "iris"),
        ("azureml:iris@champion", "iris@champion"),
        ("azureml:iris", "iris"),
    ],
)
def test_references(text: str, name: str) -> None:
    assert in_store(At(text, "f:1: model"), "model") == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("azureml:iris:2024-01-01", "the store counts versions 1, 2, 3"),
        ("azureml://registries/azureml/models/iris/versions/1", "is in Azure: download it, register it here"),
        ("/subscriptions/0/x", "is in Azure"),
        ("azureml:", "is not azureml:NAME:VERSION"),
    ],
)
def test_references_that_the_store_cannot_have(text: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"f:1: model: .*{said}"):
        in_store(At(text, "f:1: model"), "model")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "blue.yml: neither YAML nor JSON"),
        ("- a", "a mapping is expected"),
        ("", "a mapping is expected"),
        ("a: 1\nb: 2\na: 3\n", "blue.yml:3: a: given twice"),
        ("a: &x\n  b: *x\n", "an anchor that holds itself"),
        ("a: !!python/name:os.system x", "neither YAML nor JSON"),
        ("a: 2024-13-45", "neither YAML nor JSON"),
    ],
)
def test_files_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        document.parse(text, "blue.yml")


def test_json_as_other_tools_write_it() -> None:
    root = document.parse('{\n\t"a":\t"x\\/y \\\\/ \\u00e9",\n\t"b": [1, {"c": null}]\n}', "ic.json")
    assert root.plain() == {"a": "x/y \\/ é", "b": [1, {"c": None}]}
    assert root.find("a") and root.find("a").place == "ic.json:2"  # type: ignore[union-attr]


def test_yaml_anchors_and_merges() -> None:
    root = document.parse("base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\n", "f.yml")
    assert root.plain()["own"] == {"x": 1, "y": 3}
