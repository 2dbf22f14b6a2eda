"""The resource, the library and the scoring server must mean the same by a setting: they do not import each other."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from localmodel.resource import capture, schema, spec
from localmodel.resource.rules import COUNTERPARTS
from localmodel.resource.schema import resource_schema
from localmodel.resource.server_settings import ServerSettings
from localmodel_server.__main__ import build_parser, flag_variables
from localmodel_server.configuration.capture import CaptureSettings
from localmodel_server.configuration.settings import Settings, read_settings
from localmodel_server.configuration.variables import DEFAULTS, NAMES, VARIABLES

# What the server makes of each field, in the field's unit.
READ = {
    "workers": lambda settings: settings.worker_count,
    "scoringTimeoutSeconds": lambda settings: settings.scoring_timeout_ms / 1000,
    "maxRequestBytes": lambda settings: settings.max_request_bytes,
}


def crd_fields() -> dict[str, dict[str, Any]]:
    return dict(resource_schema()["properties"]["spec"]["properties"]["server"]["properties"])


def as_read(settings: Settings) -> dict[str, float]:
    return {name: read(settings) for name, read in READ.items()}


def test_the_resource_and_the_library_have_the_same_fields_with_the_same_defaults() -> None:
    assert ServerSettings().as_manifest() == {name: field["default"] for name, field in crd_fields().items()}


def test_the_server_has_the_same_defaults() -> None:
    assert as_read(read_settings({})) == ServerSettings().as_manifest()


@pytest.mark.parametrize("bound", ["minimum", "maximum"])
@pytest.mark.parametrize("name", sorted(READ))
def test_the_server_reads_what_the_resource_may_say(name: str, bound: str) -> None:
    value = crd_fields()[name][bound]
    variables = ServerSettings.from_manifest({name: value}).variables()
    assert as_read(read_settings(variables)) == {**ServerSettings().as_manifest(), name: value}


def test_each_field_has_a_variable_of_its_own_that_the_server_reads() -> None:
    assert set(ServerSettings().variables()) <= NAMES
    defaults = ServerSettings().variables().items()
    for field in fields(ServerSettings):
        changed = replace(ServerSettings(), **{field.name: 2}).variables().items() - defaults
        assert len(changed) == 1, field.name


def test_what_is_read_from_a_manifest_is_written_to_it() -> None:
    manifest = {"workers": 2, "scoringTimeoutSeconds": 3, "maxRequestBytes": 4096}
    assert ServerSettings.from_manifest(manifest).as_manifest() == manifest


@pytest.mark.parametrize(
    "wanted",
    [
        {"percent": 5},
        {
            "percent": 100,
            "keep": {"requests": 7, "megabytes": 2},
            "answers": False,
            "redact": ["$.a[*].b"],
            "headers": ["A"],
        },
    ],
)
def test_the_server_reads_spec_capture_with_its_defaults(wanted: dict[str, Any]) -> None:
    scoring = {"entryScript": "score.py", "source": {"inline": {"score.py": ""}}}
    content = {"scoring": scoring, "models": [], "capture": wanted}
    manifest = {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": {"name": "a"}, "spec": content}
    parsed = spec.parse(schema.validate(manifest)["spec"])
    read = read_settings(capture.variables(parsed.capture, PurePosixPath("/kept"))).capture
    keep = wanted.get("keep", {})
    expected = CaptureSettings(
        folder=Path("/kept"),
        percent=wanted["percent"],
        requests=keep.get("requests", CaptureSettings.requests),
        bytes=keep.get("megabytes", CaptureSettings.bytes >> 20) << 20,
        answers=wanted.get("answers", True),
        redact=tuple(wanted.get("redact", ())),
        headers=frozenset(name.lower() for name in wanted.get("headers", ())),
    )
    assert read == expected


def test_nothing_is_captured_unless_the_spec_says_so() -> None:
    assert read_settings({}).capture is None
    assert capture.variables(capture.of_manifest({"percent": 0}), PurePosixPath("/kept")) == {}


def test_spec_env_cannot_set_what_spec_server_sets() -> None:
    rules = [rule for message, rule in COUNTERPARTS.items() if "this variable" in message or "spec.server" in message]
    for name in ServerSettings().variables():
        assert any(list(rule({"name": name})) for rule in rules), name


def test_every_flag_stands_for_the_variable_that_names_it() -> None:
    values = {"--port": "1", "--health_port": "2", "--worker_count": "3"}
    flags = {variable.flag: variable.name for variable in VARIABLES if variable.flag}
    for flag, name in flags.items():
        value = values.get(flag, "/x")
        assert flag_variables(build_parser().parse_args([flag, value]), Path("/"))[name] == value


# The default of SERVICE_NAME is a title; once it is set, it also names the model.
@pytest.mark.parametrize("name", sorted({name for name in DEFAULTS if DEFAULTS[name]} - {"SERVICE_NAME"}))
def test_a_default_that_is_written_out_changes_nothing(name: str) -> None:
    assert replace(read_settings({name: DEFAULTS[name]}), environment={}) == replace(read_settings({}), environment={})
