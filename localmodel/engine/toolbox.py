"""The installer in a volume, for containers that become environment images, so that no image has it."""

import contextlib
from threading import Event

import docker
import docker.errors

from localmodel import digests
from localmodel.engine import build, context, names
from localmodel.resource.spec import EnvironmentSpec

_PLACE = f"{context.BUILD}/tools"  # in the image


def volume(
    client: docker.DockerClient, spec: EnvironmentSpec, base: str, store: str, say: build.Say, cancelled: Event
) -> str:
    """The name of a volume with the installer for the base image (an id), which is made if necessary.

    Raises:
        UserError, build.BuildCancelledError: the errors of `build.tools()`.
    """
    name = f"localmodel-tools-{digests.of_json([store, base, context.tools_digest()]).removeprefix('sha256:')[:32]}"
    with contextlib.suppress(docker.errors.NotFound):
        client.api.inspect_volume(name)
        return name
    remove(client, store)
    image = build.tools(client, spec, store, say, cancelled)
    client.api.create_volume(name, labels={names.STORE_LABEL: store})
    try:
        # An engine fills an empty volume with the image's files of that path.
        binds = client.api.create_host_config(binds={name: {"bind": _PLACE, "mode": "rw"}})
        container = client.api.create_container(image, volumes=[_PLACE], host_config=binds)
        client.api.remove_container(container["Id"])
    except BaseException:
        remove(client, store)
        raise
    return name


def remove(client: docker.DockerClient, store: str) -> None:
    """Remove the store's unused volumes."""
    for volume_found in client.api.volumes(filters={"label": f"{names.STORE_LABEL}={store}"})["Volumes"] or ():
        with contextlib.suppress(docker.errors.APIError):
            client.api.remove_volume(volume_found["Name"])
