"""Docker's configuration and its credential helpers, which are real programs here."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localmodel.errors import UserError
from localmodel.oci import docker_credentials
from localmodel.oci.docker_credentials import Credentials
from localmodel.oci.registry import Repository

HOST = "registry.example.com"
BASIC = base64.b64encode(b"me:secret").decode()


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes Docker's configuration."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def write(folder: str = "config", **content: Any) -> None:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "config.json").write_text(json.dumps(content))

    return write


@pytest.fixture
def helper(tmp_path: Path, docker: Callable[..., None]) -> Callable[[str], None]:
    """Writes the helper that Docker's configuration names."""
    docker(credsStore="test")

    def write(script: str) -> None:
        program = tmp_path / "docker-credential-test"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return write


@pytest.mark.parametrize("key", [HOST, f"https://{HOST}/v1/", f"https://{HOST}", f"http://{HOST}/v2/", f"{HOST}/"])
def test_the_key_may_be_an_address(docker: Callable[..., None], key: str) -> None:
    other = {"auth": base64.b64encode(b"you:other").decode()}
    docker(auths={f"{HOST}.org": other, f"https://other.{HOST}/v1/": other, key: {"auth": BASIC}})
    assert docker_credentials.read(HOST).basic == BASIC


def test_credentials_for_a_part_of_a_registry_are_not_sent_for_another(docker: Callable[..., None]) -> None:
    """As Podman writes them."""
    auths = {f"{HOST}/{part}": {"auth": base64.b64encode(f"{part}:x".encode()).decode()} for part in ("a", "b", "b/c")}
    docker(auths=auths)

    def user(repository: str) -> str:
        with Repository(f"{HOST}/{repository}:1", insecure=False) as opened:
            return base64.b64decode(opened._login._basic).decode().partition(":")[0]

    assert [user(repository) for repository in ("a/x", "a", "b/x", "b/c/x")] == ["a", "a", "b", "b/c"]
    assert [user(repository) for repository in ("ab/x", "x")] == ["", ""]
    docker(auths={**auths, HOST: {"auth": BASIC}})
    assert [user(repository) for repository in ("b/x", "x")] == ["b", "me"]


def test_one_configuration_is_read(docker: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker does, so that the order of two does not matter."""
    docker(auths={HOST: {"auth": BASIC}})
    docker(".docker", auths={HOST: {"auth": base64.b64encode(b"you:other").decode()}}, credsStore="none")
    assert docker_credentials.read(HOST) == Credentials(BASIC)
    monkeypatch.delenv("DOCKER_CONFIG")
    assert docker_credentials.read(HOST) == Credentials(base64.b64encode(b"you:other").decode())


def test_a_helper_is_asked_for_the_registry(helper: Callable[[str], None]) -> None:
    helper("""read name; printf '{"ServerURL": "x", "Username": "%s", "Secret": "secret"}' "$name" """)
    assert docker_credentials.read(HOST) == Credentials(base64.b64encode(f"{HOST}:secret".encode()).decode())
    helper("""printf '{"Username": "<token>", "Secret": "refresh"}'""")
    assert docker_credentials.read(HOST) == Credentials(identity="refresh")
    helper("echo credentials not found in native keychain; exit 1")
    assert docker_credentials.read(HOST) == Credentials()


def test_what_a_failing_helper_prints_is_kept_to_itself(
    helper: Callable[[str], None], capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    helper("echo the password is secret; echo the password is secret >&2; exit 3")
    with Repository(f"{HOST}/x:1", insecure=False) as repository:
        trouble = repository._login.trouble
    assert trouble == (
        f"docker-credential-test ended with code 3; see what it says: echo {HOST} | docker-credential-test get "
        "(where it works, this prints the password)"
    )
    out, err = capfd.readouterr()
    assert "secret" not in out + err + caplog.text


def test_a_helper_that_is_missing_is_named(docker: Callable[..., None]) -> None:
    docker(credHelpers={HOST: "nosuch"})
    trouble = docker_credentials.read(HOST).trouble
    assert trouble.startswith(
        "docker-credential-nosuch, which Docker's configuration names, cannot be started: No such"
    )
    assert docker_credentials.read("other.example.com") == Credentials()


def test_a_helper_that_hangs_is_not_waited_for(
    helper: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_credentials, "_PATIENCE", 0.5)
    helper(f"sleep 600 & echo $! > {tmp_path}/started; wait")
    with pytest.raises(UserError) as caught:
        Repository(f"{HOST}/x:1", insecure=False)
    assert str(caught.value) == (
        f"{HOST} needs credentials: docker-credential-test has not answered for 0.5 seconds; see what it waits for: "
        f"echo {HOST} | docker-credential-test get (where it works, this prints the password); or take it out of "
        f"{tmp_path}/config/config.json"
    )
    wait_until_gone(int((tmp_path / "started").read_text()))


def wait_until_gone(process: int) -> None:
    for _ in range(600):
        try:
            os.kill(process, 0)
            if Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].startswith("Z"):
                return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.1)
    raise TimeoutError("what the helper has started goes on")


@pytest.mark.parametrize("content", [[], {"auths": [1]}, {"auths": {HOST: 5}}])
def test_a_configuration_of_another_kind(docker: Callable[..., None], tmp_path: Path, content: Any) -> None:
    docker()
    (tmp_path / "config" / "config.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="cannot be read: they are not as Docker writes them"):
        Repository(f"{HOST}/x:1", insecure=False)


def test_a_configuration_without_logins(docker: Callable[..., None]) -> None:
    docker(auths=None, credHelpers=None)
    assert docker_credentials.read(HOST) == Credentials()
