"""From values to a manifest that means the same on every target."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from localmodel import UserError
from localmodel.oci.layout import Blob
from localmodel.project import definition
from localmodel.project.server_options import ServerOptions, manifest_fields
from localmodel.resource import schema, spec
from localmodel.resource.server_settings import ServerSettings
from localmodel.resource.spec import CodeRef, EnvironmentRef, EnvironmentSpec, ModelRef, Variable
from localmodel.store import CodeVersion, EnvironmentVersion, ModelVersion

CODE = CodeVersion("digits", 3, "sha256:c", "pkg/score.py", "")
ENVIRONMENT = EnvironmentVersion("science", 2, "sha256:e", EnvironmentSpec(), {"FROM": "the store"}, "")


def model(name: str, version: int = 1) -> ModelVersion:
    return ModelVersion(name, version, "sha256:m", Blob("sha256:w", 1), "")


def manifest(name: str, **fields: Any) -> dict[str, Any]:
    return definition.changed(definition.empty(name), **fields)


def made(**fields: Any) -> spec.DeploymentSpec:
    values: dict[str, Any] = {"code": CODE, "environment": EnvironmentSpec("3.12", ("numpy",)), **fields}
    return spec.parse(schema.validate(manifest("digits", **values))["spec"])


def test_every_value_is_in_the_manifest() -> None:
    parsed = made(
        models=[model("digits", 4), model("scaler")],
        variables={"LEVEL": "info", "EMPTY": ""},
        port=6790,
        server={"workers": 2, "scoring_timeout_seconds": 5},
        replicas=3,
    )
    assert (parsed.entry_script, parsed.source.code) == ("pkg/score.py", CodeRef("digits", 3))
    assert parsed.models == (ModelRef("digits", 4), ModelRef("scaler", 1))
    assert parsed.environment == EnvironmentSpec("3.12", ("numpy",))
    assert parsed.env == (Variable("LEVEL", "info"), Variable("EMPTY", ""))
    assert (parsed.local_port, parsed.replicas) == (6790, 3)
    assert (parsed.server.workers, parsed.server.scoring_timeout_seconds) == (2, 5)


def test_what_is_left_out_is_as_the_manifest_has_it() -> None:
    parsed = made()
    assert (parsed.models, parsed.env, parsed.local_port, parsed.replicas) == ((), (), None, 1)
    assert parsed.server == ServerSettings()


def test_server_options_are_the_fields_of_the_manifest() -> None:
    options = {field.name for field in fields(ServerSettings)}
    assert set(ServerOptions.__annotations__) == options
    crd = schema.validate(manifest("digits", code=CODE, environment=EnvironmentSpec()))["spec"]["server"]
    assert set(manifest_fields(dict.fromkeys(options, 1))) == set(crd)


@pytest.mark.parametrize(
    ("option", "advice"),
    [("maxRequestBytes", "write 'max_request_bytes'"), ("worker", "choose from workers, scoring_timeout_seconds, ")],
)
def test_an_option_of_the_server_has_one_spelling(option: str, advice: str) -> None:
    with pytest.raises(UserError, match=f"^server: unknown option '{option}'; {advice}"):
        made(server={option: 5000})


def test_an_environment_of_the_store_is_named_and_brings_its_variables_itself() -> None:
    parsed = made(environment=ENVIRONMENT)
    assert parsed.environment_ref == EnvironmentRef("science", 2)
    assert parsed.env == ()


def test_an_environment_of_an_image_of_ones_own() -> None:
    assert made(environment=EnvironmentSpec(base_image="mine:1")).environment.base_image == "mine:1"


def test_an_environment_with_a_dockerfile_has_to_be_in_the_store() -> None:
    with pytest.raises(ValueError, match="register the environment"):
        made(environment=EnvironmentSpec(dockerfile="FROM python:3.11"))


@pytest.mark.parametrize("name", ["Digits", "1digits", "digits_1", "d" * 49, ""])
def test_a_name_that_kubernetes_would_refuse_is_refused_everywhere(name: str) -> None:
    with pytest.raises(UserError, match=r"metadata\.name"):
        schema.validate(manifest(name, code=CODE, environment=EnvironmentSpec()))


def test_a_change_keeps_what_is_not_named_and_leaves_the_manifest_as_it_was() -> None:
    before = manifest(
        "digits",
        code=CODE,
        models=[model("a")],
        environment=ENVIRONMENT,
        variables={"A": "1"},
        port=6789,
        server={"workers": 2},
        replicas=2,
        source=Path("/src"),
    )
    after = definition.changed(before, port=7000, environment=EnvironmentSpec("3.12", ("numpy",)))
    assert after["spec"]["service"] == {"localPort": 7000}
    assert after["spec"]["environment"] == {"python": "3.12", "requirements": ["numpy"]}
    for field in ("scoring", "models", "env", "server", "replicas"):
        assert after["spec"][field] == before["spec"][field]
    assert after["metadata"] == before["metadata"]
    assert before["spec"]["service"] == {"localPort": 6789}


def test_a_named_list_takes_the_place_of_the_whole_one_before() -> None:
    before = manifest("digits", code=CODE, models=[model("a")], environment=ENVIRONMENT, variables={"A": "1", "B": "2"})
    after = definition.changed(before, models=[], variables={"B": "3"})
    assert after["spec"]["models"] == []
    assert after["spec"]["env"] == [{"name": "B", "value": "3"}]


def test_the_manifest_says_where_its_code_is_from() -> None:
    before = manifest("digits", code=CODE, environment=ENVIRONMENT, source=Path("/src"))
    assert before["metadata"]["annotations"] == {"localmodel.dev/source": "/src"}
    other = CodeVersion("digits", 4, "sha256:d", "score.py", "")
    assert definition.changed(before, code=other)["metadata"]["annotations"] == {}
    assert definition.changed(before, code=other, source=Path("/new"))["metadata"]["annotations"] == {
        "localmodel.dev/source": "/new"
    }


def test_a_model_given_as_the_folder_that_one_is_in_has_that_folders_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "digits" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert definition.model_name(Path()) == "inner" and definition.model_name(Path("..")) == "digits"


def test_what_is_captured_stays_until_something_else_is_said() -> None:
    before = definition.changed(definition.empty("churn"), capture={"percent": 5, "redact": ["$.ssn"]})
    assert definition.changed(before, port=7000)["spec"]["capture"] == {"percent": 5, "redact": ["$.ssn"]}
    assert definition.changed(before, capture={"percent": 0})["spec"]["capture"] == {"percent": 0}
