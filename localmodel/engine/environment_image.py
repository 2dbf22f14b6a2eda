"""Environment images in the engine: made, read out, and removed again."""

import contextlib
import logging
from collections.abc import Callable, Collection
from threading import Event

import docker
import docker.errors

from localmodel import digests, home
from localmodel.engine import build, names, saved
from localmodel.environments import build_log
from localmodel.environments.lock import Lock
from localmodel.image import EnvironmentImage
from localmodel.layout import Layout
from localmodel.spec import EnvironmentSpec

log = logging.getLogger(__name__)


def key(spec: EnvironmentSpec, lock: Lock, server: str | None = None) -> str:
    """What the image is made of, as one name: base reference, Python, lock, and our server's digest."""
    content = [spec.base, spec.python, lock.digest, server or build.server_digest()]
    return digests.of_json(content).removeprefix("sha256:")[:32]


def tag(store_id: str, key: str) -> str:
    """The image's name. The store is in it: two of them on one engine must not take each other's images over."""
    return f"{names.ENVIRONMENT_REPOSITORY}/{store_id[:12]}:{key}"


def ensure(
    client: docker.DockerClient,
    spec: EnvironmentSpec,
    lock: Lock,
    store_id: str,
    cancelled: Event | None = None,
    listen: Callable[[str], None] | None = None,
) -> str:
    """The image's name, once the engine has it; built unless it is there.

    The builder's lines go to home.build_log() of the key, and to `listen`.

    Raises:
        UserError: BaseImageUnreadable, EnvironmentBuildFailed, PackageSourcesInvalid; what fetching wheels raises.
        build.Cancelled: `cancelled` was set.
    """
    own_key = key(spec, lock)
    wanted = tag(store_id, own_key)
    try:
        client.images.get(wanted)
    except docker.errors.ImageNotFound:
        with build_log.kept(home.build_log(own_key), listen) as say:
            stop = cancelled or Event()
            build.pull_base(client, spec, say, stop)
            build.build(client, spec, lock, wanted, store_id, say, stop)
    return wanted


def make(
    client: docker.DockerClient, spec: EnvironmentSpec, lock: Lock, store_id: str, cancelled: Event, layout: Layout
) -> EnvironmentImage:
    """As ensure(), with the image's layers put into the layout.

    Raises:
        UserError: as ensure().
        build.Cancelled: `cancelled` was set.
    """
    base = build.pull_base(client, spec, log.info, cancelled)
    return saved.keep(client, ensure(client, spec, lock, store_id, cancelled), base, layout)


def remove_others(client: docker.DockerClient, store_id: str, keep: set[str]) -> None:
    """Remove this store's environment images but those with the keys `keep`, and what their builds left."""
    remove(client, store_id, _keys(client, store_id) - keep)


def remove(client: docker.DockerClient, store_id: str, keys: Collection[str]) -> None:
    """Remove this store's images with these keys, unless a container of ours has them, and what their builds left."""
    label = f"{names.STORE_LABEL}={store_id}"
    containers = client.api.containers(all=True, filters={"label": [label, names.ENVIRONMENT_LABEL]})
    unused = set(keys) - {found["Labels"][names.ENVIRONMENT_LABEL] for found in containers}
    for key in unused:
        with contextlib.suppress(docker.errors.APIError):  # gone already, or a container of the user's own runs it
            client.images.remove(tag(store_id, key), force=False)
    if unused:
        # What no tag holds: stages of the builds. The server's is kept for the next build while there is any image.
        stages = [label, names.STAGE_LABEL] if _keys(client, store_id) else [label]
        client.images.prune(filters={"dangling": True, "label": stages})


def _keys(client: docker.DockerClient, store_id: str) -> set[str]:
    """Keys of this store's images."""
    images = client.images.list(filters={"label": f"{names.STORE_LABEL}={store_id}"})
    tags = (name for image in images for name in image.tags)
    return {name.rpartition(":")[2] for name in tags if name.startswith(names.ENVIRONMENT_REPOSITORY)}
