"""Which engines see this machine's files."""

import pytest

from localmodel.engine.client import is_here


@pytest.mark.parametrize(
    "host", ["", "unix:///var/run/docker.sock", "unix:///run/user/1000/docker.sock", "tcp://127.0.0.1:2375"]
)
def test_a_socket_or_the_loopback_address_is_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", "/nowhere")  # no context of the machine's user
    monkeypatch.setenv("DOCKER_HOST", host)
    assert is_here()


@pytest.mark.parametrize("host", ["tcp://build.example:2376", "ssh://me@build.example", "ssh://localhost"])
def test_another_host_is_not(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    assert not is_here()
