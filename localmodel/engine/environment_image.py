"""Makes, reads and removes environment images in the engine."""

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
from localmodel.oci.layout import Blob, Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel.updates.image import EnvironmentImage

log = logging.getLogger(__name__)


def key(spec: EnvironmentSpec, lock: Lock, server: str | None = None) -> str:
    """The image's key, made of base reference, Python, lock, and our server's digest."""
    content = [spec.base, spec.python, lock.digest, server or build.server_digest()]
    return digests.of_json(content).removeprefix("sha256:")[:32]


def tag(store_id: str, key: str) -> str:
    """The image's name, which contains the store, so that two stores on one engine do not share images."""
    return f"{names.ENVIRONMENT_REPOSITORY}/{store_id[:12]}:{key}"


def ensure(
    client: docker.DockerClient,
    spec: EnvironmentSpec,
    lock: Lock,
    store_id: str,
    cancelled: Event | None = None,
    listen: Callable[[str], None] | None = None,
) -> str:
    """Make the image from the nearest one or from scratch, unless the engine has it; return its name.

    The builder's lines go to `home.build_log()` of the key, and to `listen`. The log's time is that of the last use.

    Raises:
        UserError: BaseImageUnreadable, EnvironmentBuildFailed, PackageSourcesInvalid; the errors of fetching wheels.
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
    """Like `ensure()`, and put the image's layers into the layout.

    `find` returns the finished image with a key, whose layers are all in the layout.

    Raises:
        UserError: the errors of `ensure()`.
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
    """Make the image from another one (with `find`, one that it finds) or from scratch.

    Returns the key of the other image and the new layer, if the layout has it.
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
    """The bytes of each of this store's images by key, with shared layers."""
    images = client.api.images(filters={"label": f"{names.STORE_LABEL}={store_id}"})
    tags = ((name, int(image["Size"])) for image in images for name in image["RepoTags"] or ())
    return {name.rpartition(":")[2]: size for name, size in tags if name.startswith(names.ENVIRONMENT_REPOSITORY)}


def rests(key: str, seconds: float) -> bool:
    """Whether the environment was used in the last `seconds`, by the time of its build log."""
    with contextlib.suppress(OSError):
        return time.time() - home.build_log(key).stat().st_mtime < seconds
    return False


def remove_others(client: docker.DockerClient, store_id: str, keep: set[str], seconds: float) -> set[str]:
    """Remove this store's environment images except the keys `keep`, and leftovers of builds.

    Images that were used in the last `seconds` stay, too. Returns the removed keys.
    """
    gone = {key for key in set(present(client, store_id)) - keep if not rests(key, seconds)}
    remove(client, store_id, gone)
    return gone


def remove(client: docker.DockerClient, store_id: str, keys: Collection[str]) -> None:
    """Remove this store's images with these keys, unless one of our containers uses them, and leftovers of builds."""
    label = f"{names.STORE_LABEL}={store_id}"
    containers = client.api.containers(all=True, filters={"label": [label, names.ENVIRONMENT_LABEL]})
    unused = set(keys) - {container["Labels"][names.ENVIRONMENT_LABEL] for container in containers}
    for key in unused:
        with contextlib.suppress(docker.errors.APIError):  # it is gone, or one of the user's containers runs it
            client.images.remove(tag(store_id, key), force=False)
    change.remove_ended(client, store_id)
    if unused:
        # Untagged images are stages of builds. The server's stays for the next build as long as there is any image.
        has_any = bool(present(client, store_id))
        stages = [label, names.STAGE_LABEL] if has_any else [label]
        client.images.prune(filters={"dangling": True, "label": stages})
        if not has_any:
            toolbox.remove(client, store_id)
