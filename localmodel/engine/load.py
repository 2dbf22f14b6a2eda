"""Loads an image into the engine, without the layers that it has."""

from typing import Any

import docker
import docker.errors

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.updates import archive
from localmodel.updates.image import Image, chain_ids


class LoadError(Exception):
    """The engine does not take the image; the text is its error."""


def load(client: docker.DockerClient, layout: Layout, image: Image, name: str, has: list[list[str]]) -> None:
    """Load the image under a name. `has` are stacks of layers (diff ids) that the engine has.

    Raises:
        LoadError: also because a layer has disappeared in the meantime.
    """
    known = {chain for stack in has for chain in chain_ids(stack)}
    sent = archive.missing(image, known)
    try:
        api: Any = client.api
        for event in api.load_image(archive.archive(layout, image, name, sent)):
            if "error" in event:
                raise LoadError(str(event["error"]))
        client.images.get(name)
    except docker.errors.APIError as error:
        raise LoadError(str(error.explanation or error)) from None


def whole(client: docker.DockerClient, layout: Layout, image: Image, name: str) -> None:
    """Load the image with all its layers under a name.

    Raises:
        UserError: EnvironmentBuildFailed, with the engine's words.
    """
    try:
        load(client, layout, image, name, [])
    except LoadError as error:
        raise UserError(
            reasons.ENVIRONMENT_BUILD_FAILED, f"the engine does not take the image {name}: {error}"
        ) from None


def needs_whole_images(client: docker.DockerClient) -> bool:
    """Whether the engine keeps images in containerd's store, as they arrive, and not as unpacked layers.

    There, layers that a base image has brought from a registry are compressed, and others than those that we name: an
    image without them would run, but the engine could not list, save or push it (Docker 26.1).
    """
    return "io.containerd" in str(client.info().get("DriverStatus"))
