"""One Docker engine, one home folder that is kept between runs, and a deployment that keeps the common image there."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker_lmd import DockerLmd
from support.cache_folder import CACHE
from support.lmd_command import script


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """The engine; hack/engine-up brings one up."""
    client = docker.from_env()
    client.ping()
    yield client
    client.close()


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """LOCALMODEL_HOME of everything here: with another one, and so another store, every build would be a new one."""
    folder = CACHE / "docker-home"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second run waits for the first
        yield folder


@pytest.fixture(scope="session")
def keeper(engine: Any, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A deployment in the environment without packages, whose image therefore stays while others come and go."""
    lmd = DockerLmd(tmp_path_factory.mktemp("keeper"), home, engine)
    lmd.clean_up()  # what a run that was killed has left
    result = lmd.apply(script("0"), name="keeper")
    assert result.code == 0, result.err
    yield
    lmd.clean_up()
    assert lmd.images() == []


@pytest.fixture
def lmd(tmp_path: Path, home: Path, engine: Any, keeper: None) -> Iterator[DockerLmd]:
    """The command lmd with the docker target; what it started is deleted afterwards."""
    command = DockerLmd(tmp_path, home, engine)
    yield command
    command.clean_up(but="keeper")
    assert command.containers() == []
