"""What a pod must know of itself before the operator may call it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from localmodel_server.admin.bundle import BadBundleError, Model, digest_hex, read_description
from localmodel_server.admin.settings import NAMES, read_admin
from localmodel_server.configuration.settings import SettingsError
from localmodel_server.configuration.variables import NAMES as DOCUMENTED

GIVEN = {
    "LOCALMODEL_ADMIN_PORT": "5002",
    "LOCALMODEL_ADMIN_KEY": base64.b64encode(bytes(32)).decode(),
    "LOCALMODEL_POD_UID": "uid",
    "LOCALMODEL_STATE_FOLDER": "/state",
}


def test_without_a_port_nobody_calls() -> None:
    assert read_admin({}) is None
    assert read_admin({**GIVEN, "LOCALMODEL_ADMIN_PORT": "5002"}) is not None


def test_values() -> None:
    settings = read_admin(
        {
            **GIVEN,
            "LOCALMODEL_EPOCH": "7",
            "LOCALMODEL_CONTENT": "sha256:ab",
            "LOCALMODEL_ENVIRONMENT": "key",
            "LOCALMODEL_WANTED_FOLDER": "/wanted",
            "LOCALMODEL_MAX_BUNDLE_BYTES": "100",
        }
    )
    assert settings is not None
    assert (settings.port, settings.key, settings.pod) == (5002, bytes(32), "uid")
    assert (settings.epoch, settings.content, settings.environment) == (7, "sha256:ab", "key")
    assert (settings.state_folder, settings.wanted_folder) == (Path("/state"), Path("/wanted"))
    assert settings.max_bundle_bytes == 100


def test_defaults() -> None:
    settings = read_admin(GIVEN)
    assert settings is not None
    assert (settings.epoch, settings.wanted_folder, settings.max_bundle_bytes) == (0, None, 2 * 1024**3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCALMODEL_ADMIN_PORT", "x"),
        ("LOCALMODEL_ADMIN_KEY", ""),
        ("LOCALMODEL_ADMIN_KEY", "not base64"),
        ("LOCALMODEL_ADMIN_KEY", base64.b64encode(bytes(31)).decode()),
        ("LOCALMODEL_POD_UID", ""),
        ("LOCALMODEL_STATE_FOLDER", ""),
        ("LOCALMODEL_EPOCH", "-1"),
        ("LOCALMODEL_MAX_BUNDLE_BYTES", "0"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_admin({**GIVEN, name: value})


def test_every_variable_is_documented() -> None:
    assert NAMES <= DOCUMENTED


CONTENT = "sha256:" + "ab" * 32
DESCRIPTION = (
    '{"revision": "5", "entry": "sub/score.py", '
    f'"models": [{{"name": "m", "version": "1", "digest": "{CONTENT}"}}], '
    f'"variables": {{"A": "b", "C": null}}, "content": "{CONTENT}", "environment": "env"}}'
)


def test_a_description() -> None:
    description = read_description(DESCRIPTION.encode())
    assert description.models == (Model("m", "1", CONTENT),)
    assert description.variables == {"A": "b", "C": None}
    assert (description.revision, description.entry, description.content) == ("5", "sub/score.py", CONTENT)


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("{", "["),
        ('"5"', "5"),
        ("sub/score.py", "../score.py"),
        ("sub/score.py", "/score.py"),
        ('"m"', '"m/n"'),
        ('"m"', '".."'),
        ('"m"', '""'),
        ("sha256:ab", "sha256:AB"),
        ("sha256:ab", "../ab"),
        ('"A"', '"A=B"'),
        ('"A"', '""'),
        ('"b"', "1"),
        ('"b"', '"\\u0000"'),
        ('"variables"', '"others"'),
        ('{"A": "b", "C": null}', "[]"),
    ],
)
def test_a_description_that_cannot_be_used(part: str, instead: str) -> None:
    assert part in DESCRIPTION
    with pytest.raises(BadBundleError):
        read_description(DESCRIPTION.replace(part, instead, 1).encode())


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "ab" * 32, "sha256:" + "ab" * 31, "sha256:" + "../" * 22, CONTENT + "\n"]
)
def test_what_is_no_digest_is_never_a_path(digest: str) -> None:
    with pytest.raises(BadBundleError):
        digest_hex(digest)
    assert digest_hex(CONTENT) == "ab" * 32
