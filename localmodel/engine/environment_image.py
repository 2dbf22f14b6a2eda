"""Environment images in the engine: made, read out, and removed again."""

from threading import Event

import docker

from localmodel.engine import build, names, saved
from localmodel.environments.lock import Lock
from localmodel.image import EnvironmentImage
from localmodel.layout import Layout
from localmodel.spec import EnvironmentSpec


def make(
    client: docker.DockerClient,
    spec: EnvironmentSpec,
    lock: Lock,
    key: str,
    store_id: str,
    cancelled: Event,
    layout: Layout,
) -> EnvironmentImage:
    """Build the environment and put its layers into the layout.

    Raises:
        UserError: BaseImageUnreadable, EnvironmentBuildFailed.
        build.Cancelled: `cancelled` was set.
    """
    # the store is in the name: two of them on one engine must not take each other's images over
    tag = f"{names.ENVIRONMENT_REPOSITORY}/{store_id[:12]}:{key}"
    base = build.pull_base(client, spec)
    build.build(client, spec, lock, tag, store_id, cancelled)
    return saved.keep(client, tag, base, layout)


def remove_others(client: docker.DockerClient, store_id: str, keep: set[str]) -> None:
    """Remove this store's environment images but those with the keys `keep`, and what their builds left."""
    label = f"{names.STORE_LABEL}={store_id}"
    removed = False
    for image in client.images.list(filters={"label": label}):
        for tag in image.tags:
            if tag.startswith(names.ENVIRONMENT_REPOSITORY) and tag.rpartition(":")[2] not in keep:
                client.images.remove(tag, force=False)
                removed = True
    if removed:
        # the build's intermediate stages, which no tag holds
        client.images.prune(filters={"dangling": True, "label": label})
