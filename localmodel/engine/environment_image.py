"""Makes, reads and removes environment images in the engine."""

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from threading import Event

import docker
import docker.errors

from localmodel import digests, reasons, run_coroutine
from localmodel.disk import home
from localmodel.engine import base_image, bases, build, load, names
from localmodel.engine.base_image import BaseImage
from localmodel.engine.bases import Origin
from localmodel.engine.client import Connection
from localmodel.environments.layers import environment, server
from localmodel.environments.layers.base_python import BasePython
from localmodel.environments.layers.packages import Kind
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import build_log
from localmodel.errors import UserError
from localmodel.oci.layout import Blob, Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel.updates import image
from localmodel.updates.image import EnvironmentImage

log = logging.getLogger(__name__)

_MOST_LAYERS = 100  # so that layers for models and code fit on top (see image.MOST_LAYERS)


def key(spec: EnvironmentSpec, lock: Lock, server_digest: str | None = None) -> str:
    """The image's key, made of base reference, Python, lock, and our server's digest."""
    content = [spec.base, spec.python, lock.digest, server_digest or server.digest()]
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
    """Make the image, unless the engine has it; return its name.

    The builder's lines go to `home.build_log()` of the key, and to `listen`. The log's time is that of the last use.

    Raises:
        UserError: BaseImageUnreadable, EnvironmentBuildFailed, PackageSourcesInvalid; the errors of fetching wheels.
        build.BuildCancelledError: `cancelled` was set.
    """
    own_key = key(spec, lock)
    name = tag(store_id, own_key)
    if not _has(client, name):
        with _saying(own_key, cancelled or Event(), listen) as say:
            base = bases.in_engine(client, spec, store_id, say, cancelled or Event())
            layout = Layout(home.store() / "images")
            added = _added(spec, lock, base.python, base.architecture, len(base.diff_ids), layout, say)
            _load(client, base, added, layout, name, store_id)
    build_log.used(home.build_log(own_key))
    return name


def make(
    engine: Connection,
    spec: EnvironmentSpec,
    lock: Lock,
    store_id: str,
    cancelled: Event,
    layout: Layout,
    origin: Origin,
) -> EnvironmentImage:
    """The image, with its layers in the layout. An engine need not be there.

    Raises:
        UserError: the errors of `ensure()` and of `bases.find()`.
        build.BuildCancelledError: `cancelled` was set.
    """
    with _saying(key(spec, lock), cancelled, None) as say:
        base = bases.find(engine, spec, store_id, layout, origin, say, cancelled)
        below = base.image
        added = _added(spec, lock, base.python, below.architecture, len(below.layers), layout, say)
    return replace(below, variables=(*below.variables, environment.VARIABLE), layers=(*below.layers, *added))


@contextlib.contextmanager
def _saying(key: str, cancelled: Event, listen: build.Say | None) -> Iterator[build.Say]:
    """A function for the lines of the build of this key; it ends the build when it is cancelled."""
    with build_log.kept(home.build_log(key), listen) as keep:

        def say(line: str) -> None:
            if cancelled.is_set():
                raise build.BuildCancelledError
            keep(line)
            log.info("%s: %s", key, line)

        yield say


def _added(
    spec: EnvironmentSpec, lock: Lock, python: BasePython, architecture: str, below: int, layout: Layout, say: build.Say
) -> list[Blob]:
    """The layers on top of the base image, which has `below` layers."""
    most = max(_MOST_LAYERS - below, 2)
    return run_coroutine.run(
        environment.layers(
            lock,
            Kind(spec.python, architecture),
            python,
            layout,
            say,
            sees_packages=spec.is_own_base,
            most=most,
        )
    )


def _load(
    client: docker.DockerClient, base: BaseImage, added: list[Blob], layout: Layout, name: str, store_id: str
) -> None:
    """Load base and added layers into the engine, which gets only those that it lacks."""
    config = {
        "architecture": base.architecture,
        "os": base.os,
        "config": {
            **{field: value for field, value in base.config.items() if value is not None},
            "Env": [*base.variables, environment.VARIABLE],
            "Labels": {**(base.config.get("Labels") or {}), names.STORE_LABEL: store_id},
        },
    }
    ours = (client.images.get(tag(store_id, key)) for key in present(client, store_id))
    has = [list(known.attrs["RootFS"]["Layers"]) for known in ours]
    try:
        if load.needs_whole_images(client):
            raise load.LoadError("the engine keeps layers as they were pulled")
        stack = [*(Blob(diff_id, 0) for diff_id in base.diff_ids), *added]
        load.load(client, layout, image.packed(layout, config, stack), name, [*has, list(base.diff_ids)])
    except load.LoadError as error:
        log.info("the engine gets the base image of %s, too: %s", name, error)
        stack = [*bases.copied(client, base, layout).layers, *added]
        try:
            load.load(client, layout, image.packed(layout, config, stack), name, [])
        except load.LoadError as error:
            raise UserError(
                reasons.ENVIRONMENT_BUILD_FAILED, f"the engine does not take the environment's image: {error}"
            ) from None


def _has(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


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
    """Remove this store's images with these keys, unless one of our containers uses them, and leftovers."""
    labels = [f"{names.STORE_LABEL}={store_id}", names.ENVIRONMENT_LABEL]
    containers = client.api.containers(all=True, filters={"label": labels})
    for key in set(keys) - {container["Labels"][names.ENVIRONMENT_LABEL] for container in containers}:
        with contextlib.suppress(docker.errors.APIError):  # it is gone, or one of the user's containers runs it
            client.images.remove(tag(store_id, key), force=False)
    base_image.remove_ended(client, store_id)
