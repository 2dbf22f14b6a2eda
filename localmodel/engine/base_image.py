"""Reads the base image of an environment from the engine, if possible without starting a container of it."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors

from localmodel.engine import names
from localmodel.environments.layers import base_python
from localmodel.environments.layers.base_python import BasePython


@dataclass(frozen=True)
class BaseImage:
    """A base image in the engine."""

    id: str
    architecture: str
    os: str
    config: Mapping[str, Any]
    diff_ids: tuple[str, ...]
    python: BasePython

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self.config.get("Env") or ())


def read(client: docker.DockerClient, image: str, store: str) -> BaseImage | None:
    """The image with this id, or None if it has no known Python. `store` is the id of the store that needs it."""
    attributes = client.images.get(image).attrs
    config = attributes["Config"] or {}
    labels = {names.STORE_LABEL: store, names.READ_LABEL: "base"}
    container = client.api.create_container(image, command=["-"], labels=labels)["Id"]
    try:
        python = base_python.find(tuple(config.get("Env") or ()), lambda path: _real(client, container, path))
    finally:
        client.api.remove_container(container, v=True, force=True)
    if python is None and (python := _asked(client, image, labels)) is None:
        return None
    diff_ids = tuple(attributes["RootFS"].get("Layers") or ())
    return BaseImage(image, attributes["Architecture"], attributes["Os"], config, diff_ids, python)


def _asked(client: docker.DockerClient, image: str, labels: dict[str, str]) -> BasePython | None:
    """The Python as it tells itself, in a container of the image."""
    question = ["-I", "-c", base_python.QUESTION]
    try:
        output = client.containers.run(
            image, question, entrypoint=["python3"], labels=labels, remove=True, network_mode="none"
        )
    except docker.errors.DockerException:
        return None
    return base_python.told(output)


def _real(client: docker.DockerClient, container: str, path: str) -> str | None:
    """The path in the container that the path leads to, or None if there is nothing."""
    try:
        stream, status = client.api.get_archive(container, path)
    except docker.errors.NotFound:
        return None
    stream.close()
    return status["linkTarget"] or path


def remove_ended(client: docker.DockerClient, store: str) -> None:
    """Remove the containers that killed processes have left."""
    labels = [f"{names.STORE_LABEL}={store}", names.READ_LABEL]
    for container in client.api.containers(
        all=True, filters={"label": labels, "status": ["created", "exited", "dead"]}
    ):
        with contextlib.suppress(docker.errors.APIError):
            client.api.remove_container(container["Id"], v=True, force=True)
