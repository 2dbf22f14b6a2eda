"""A manifest is judged without an API server as the API server would."""

from typing import Any

import pytest

from localmodel.errors import UserError
from localmodel.resource import schema


def manifest(**spec: Any) -> dict[str, Any]:
    scoring = {"entryScript": "score.py", "source": {"inline": {"score.py": "x = 1"}}}
    return {
        "apiVersion": schema.API_VERSION,
        "kind": schema.KIND,
        "metadata": {"name": "digits"},
        "spec": {"scoring": scoring, "models": [], **spec},
    }


def problems(value: dict[str, Any]) -> str:
    with pytest.raises(UserError) as caught:
        schema.validate(value)
    assert caught.value.reason == "InvalidManifest"
    return str(caught.value)


def test_defaults_are_filled_in_and_the_original_is_left_alone() -> None:
    original = manifest()
    spec = schema.validate(original)["spec"]
    assert spec["environment"] == {"requirements": []}  # without a script, which Python is the model's to say
    assert spec["service"] == {}  # one default for all would be a port that only one of them can have
    assert spec["server"]["workers"] == 1
    assert "service" not in original["spec"]


def test_an_unknown_field_is_named_by_its_path() -> None:
    assert "spec.replica: unknown field" in problems(manifest(replica=2))
    assert "spec.server.worker: unknown field" in problems(manifest(server={"worker": 2}))
    assert "metadata.nam: unknown field" in problems({**manifest(), "metadata": {"name": "a", "nam": "b"}})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"environment": {"python": 3.1}},
            "spec.environment.python: 3.1 is not of type 'string': write it in quotes, \"3.10\"",
        ),
        ({"environment": {"python": 3.12}}, "python: 3.12 is not of type 'string': write it in quotes, \"3.12\""),
        ({"environment": {"python": 3}}, "python: 3 is not of type 'string': write it in quotes"),
        (
            {"env": [{"name": "A", "value": True}]},
            "spec.env[0].value: True is not of type 'string': write it in quotes",
        ),
        ({"environment": {"python": ["3.10"]}}, "spec.environment.python: ['3.10'] is not of type 'string'"),
    ],
)
def test_a_text_without_its_quotes_is_told_in_one_line(spec: dict[str, Any], said: str) -> None:
    (line,) = problems(manifest(**spec)).splitlines()
    assert line.endswith(said)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"env": [{"name": "A B", "value": "1"}]}, "spec.env[0].name: 'A B' is not a name of a variable: use letters"),
        ({"models": [{"name": "a/b", "version": 1}]}, "spec.models[0].name: 'a/b' does not match"),
        ({"resources": {"limits": {"memory": "lots"}}}, "limits.memory: 'lots' is not a quantity, such as 512Mi"),
        ({"resources": {"requests": {"cpu": "1 core"}}}, "requests.cpu: '1 core' is not a quantity, such as 512Mi"),
    ],
)
def test_a_form_is_told_in_words(spec: dict[str, Any], said: str) -> None:
    assert said in problems(manifest(**spec))


def test_every_problem_is_told_at_once() -> None:
    lines = problems(manifest(replicas="two", service={"localPort": 0})).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["spec.replicas", "spec.service.localPort"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"models": [{"name": "a/b", "version": 1}]}, "spec.models[0].name"),
        ({"models": [{"name": "a", "version": 0}]}, "spec.models[0].version"),
        ({"models": [{"name": "a"}]}, "spec.models[0]"),
        ({"environment": {"python": "2.7"}}, "spec.environment.python"),
        ({"environment": {"python": 3.11}}, "spec.environment.python"),
        ({"env": [{"name": "1A"}]}, "spec.env[0].name"),
        ({"resources": {"limits": {"memory": "lots"}}}, "spec.resources.limits.memory"),
        ({"update": {"progressDeadlineSeconds": 1}}, "spec.update.progressDeadlineSeconds"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(spec: dict[str, Any], field: str) -> None:
    assert problems(manifest(**spec)).startswith(f"{field}: ")


@pytest.mark.parametrize("name", ["Digits", "1digits", "digits-", "dig.its", "d" * 49])
def test_a_name_that_a_service_cannot_have_is_refused(name: str) -> None:
    assert problems({**manifest(), "metadata": {"name": name}}).startswith("metadata.name: ")


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"configMap": {"name": "a"}, "inline": {"score.py": "x"}},
        {"inline": {"score.py": "x"}, "code": {"name": "a", "version": 1}},
    ],
    ids=["none", "two", "code and inline"],
)
def test_exactly_one_source(source: dict[str, Any]) -> None:
    value = manifest(scoring={"entryScript": "score.py", "source": source})
    assert "exactly one of configMap, inline, code and git" in problems(value)


def test_code_of_the_store_is_a_source() -> None:
    schema.validate(manifest(scoring={"entryScript": "score.py", "source": {"code": {"name": "mnist", "version": 3}}}))


def test_an_environment_of_the_store_stands_alone() -> None:
    reference = {"name": "project_environment", "version": 1}
    schema.validate(manifest(environment={"ref": reference}))
    assert problems(manifest(environment={"ref": reference, "requirements": ["numpy"]})).startswith(
        "spec.environment: "
    )


@pytest.mark.parametrize("name", ["../score.py", "/score.py", "a//b.py", "a/", ".hidden", "a/../b.py"])
def test_an_inline_file_stays_inside(name: str) -> None:
    inline = {"score.py": "x", name: "y"}
    message = problems(manifest(scoring={"entryScript": "score.py", "source": {"inline": inline}}))
    assert repr(name) in message


def test_inline_code_has_a_limit() -> None:
    inline = {"score.py": "x" * 70000, "more.py": "x" * 70000}
    assert "128 KiB" in problems(manifest(scoring={"entryScript": "score.py", "source": {"inline": inline}}))


def test_an_inline_script_must_be_there() -> None:
    value = manifest(scoring={"entryScript": "main.py", "source": {"inline": {"score.py": "x"}}})
    assert problems(value).startswith("spec.scoring.entryScript: main.py")


@pytest.mark.parametrize("name", ["AZUREML_MODEL_DIR", "LOCALMODEL_PYTHON", "AML_APP_ROOT", "WORKER_COUNT"])
def test_the_deployments_own_variables_cannot_be_set(name: str) -> None:
    assert problems(manifest(env=[{"name": name, "value": "1"}])).startswith("spec.env[0].name: ")


@pytest.mark.parametrize("name", ["LOCALMODEL_STRICT_PARITY", "LOCALMODEL_LOG_FORMAT", "AZUREML_LOG_LEVEL"])
def test_options_of_the_scoring_server_can_be_set(name: str) -> None:
    schema.validate(manifest(env=[{"name": name, "value": "1"}]))


def test_a_variable_has_one_source() -> None:
    reference = {"configMapKeyRef": {"name": "a", "key": "b"}}
    value = manifest(env=[{"name": "A", "value": "1", "valueFrom": reference}])
    assert problems(value) == "spec.env[0]: one of value and valueFrom"


def test_a_path_to_redact_is_refused_in_words() -> None:
    for path in ("ssn", "$ssn", "$.a[", "$.a[x]", '$["a]'):
        assert f"spec.capture.redact[0]: {path!r} is not a path, such as $.ssn" in problems(
            manifest(capture={"percent": 1, "redact": [path]})
        )
    assert "spec.capture.headers[0]: 'a b' is not the name" in problems(
        manifest(capture={"percent": 1, "headers": ["a b"]})
    )
