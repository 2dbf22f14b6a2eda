"""Environment images in the engine: made, read out, and removed again."""

import contextlib
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from threading import Event

import docker
import docker.errors

from localmodel import digests
from localmodel.disk import home
from localmodel.engine import build, change, names, saved, toolbox
from localmodel.engine.change import WantedImage
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import build_log
from localmodel.image import EnvironmentImage
from localmodel.oci.layout import Blob, Layout
from localmodel.resource.spec import EnvironmentSpec

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
    """The image's name, once the engine has it; made unless it is there, of the nearest one or from nothing.

    The builder's lines go to home.build_log() of the key, and to `listen`; the file's time is when it was last used.

    Raises:
        UserError: BaseImageUnreadable, EnvironmentBuildFailed, PackageSourcesInvalid; what fetching wheels raises.
        build.BuildCancelledError: `cancelled` was set.
    """
    own_key = key(spec, lock)
    name = tag(store_id, own_key)
    if not _has(client, name):
        _make(client, spec, lock, store_id, cancelled or Event(), listen)
    build_log.used(home.build_log(own_key))
    return name


def make(
    client: docker.DockerClient,
    spec: EnvironmentSpec,
    lock: Lock,
    store_id: str,
    cancelled: Event,
    layout: Layout,
    find: Callable[[str], EnvironmentImage | None],
) -> EnvironmentImage:
    """As ensure(), with the image's layers put into the layout.

    `find` gives the finished image with a key, all of whose layers are in the layout.

    Raises:
        UserError: as ensure().
        build.BuildCancelledError: `cancelled` was set.
    """
    name = tag(store_id, key(spec, lock))
    if not _has(client, name):
        made = _make(client, spec, lock, store_id, cancelled, None, layout, find)
        if made and (before := find(made[0])):
            return replace(before, layers=(*before.layers, made[1]))
    return saved.keep(client, name, build.pull_base(client, spec, log.info, cancelled), layout)


def _has(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def _make(
    client: docker.DockerClient,
    spec: EnvironmentSpec,
    lock: Lock,
    store_id: str,
    cancelled: Event,
    listen: Callable[[str], None] | None,
    layout: Layout | None = None,
    find: Callable[[str], EnvironmentImage | None] | None = None,
) -> tuple[str, Blob] | None:
    """Have the engine make the image: from one that `find` finds, if it is given, or any; or from nothing.

    Returns the key of the one it was made from, and the layer on top of that one's, where the layout has it.
    """
    own_key = key(spec, lock)
    with build_log.kept(home.build_log(own_key), listen) as say:
        base = build.pull_base(client, spec, say, cancelled)
        wanted = WantedImage(own_key, tag(store_id, own_key), store_id, base, spec, lock)
        if near := change.near(client, wanted, lambda key: find is None or find(key) is not None):
            try:
                say(f"made from the environment {near.key}")
                layer = change.make(client, wanted, near, layout, say, cancelled)
            except change.ChangeError as error:
                say(f"that failed, so it is built from scratch: {error}")
            else:
                return (near.key, layer) if layer else None
        labels = change.labels(wanted)
        build.build(client, spec, lock, wanted.tag, store_id, labels, say, cancelled)
    return None


def present(client: docker.DockerClient, store_id: str) -> dict[str, int]:
    """Key of each of this store's images, and the bytes of it, with those that it shares with others."""
    images = client.api.images(filters={"label": f"{names.STORE_LABEL}={store_id}"})
    tags = ((name, int(image["Size"])) for image in images for name in image["RepoTags"] or ())
    return {name.rpartition(":")[2]: size for name, size in tags if name.startswith(names.ENVIRONMENT_REPOSITORY)}


def rests(key: str, seconds: float) -> bool:
    """Whether the environment was used within so many seconds, as the time of its build log says."""
    with contextlib.suppress(OSError):
        return time.time() - home.build_log(key).stat().st_mtime < seconds
    return False


def remove_others(client: docker.DockerClient, store_id: str, keep: set[str], seconds: float) -> set[str]:
    """Remove this store's environment images but those with the keys `keep`, and what their builds left.

    What was used within so many seconds stays, too. Returns the keys that were removed.
    """
    gone = {key for key in set(present(client, store_id)) - keep if not rests(key, seconds)}
    remove(client, store_id, gone)
    return gone


def remove(client: docker.DockerClient, store_id: str, keys: Collection[str]) -> None:
    """Remove this store's images with these keys, unless a container of ours has them, and what their builds left."""
    label = f"{names.STORE_LABEL}={store_id}"
    containers = client.api.containers(all=True, filters={"label": [label, names.ENVIRONMENT_LABEL]})
    unused = set(keys) - {found["Labels"][names.ENVIRONMENT_LABEL] for found in containers}
    for key in unused:
        with contextlib.suppress(docker.errors.APIError):  # gone already, or a container of the user's own runs it
            client.images.remove(tag(store_id, key), force=False)
    change.remove_ended(client, store_id)
    if unused:
        # What no tag holds: stages of the builds. The server's is kept for the next build while there is any image.
        has_any = bool(present(client, store_id))
        stages = [label, names.STAGE_LABEL] if has_any else [label]
        client.images.prune(filters={"dangling": True, "label": stages})
        if not has_any:
            toolbox.remove(client, store_id)
