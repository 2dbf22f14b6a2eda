"""The base image of an environment: where it is read, and what the store keeps of it."""

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event

import docker

from localmodel import digests, reasons
from localmodel.disk import files, state_file
from localmodel.engine import base_image, build, registry_base, saved
from localmodel.engine.base_image import BaseImage
from localmodel.engine.build import Say
from localmodel.engine.client import Connection
from localmodel.environments.layers import base_python
from localmodel.environments.layers.base_python import BasePython
from localmodel.environments.locks.lock import PLATFORMS
from localmodel.errors import UserError
from localmodel.oci.image_files import ImageFiles
from localmodel.oci.layout import Layout
from localmodel.requirements import image_name, sources
from localmodel.resource.spec import EnvironmentSpec
from localmodel.updates.image import EnvironmentImage
from localmodel_untrusted.tar import RefusedError

_NO_ENGINE = (reasons.ENGINE_UNREACHABLE, reasons.ENGINE_FORBIDDEN)
_ADVICE = "Check the name; a Docker engine that has the image would do, too"


@dataclass(frozen=True)
class Origin:
    """What base images are for, and from where: the processor of the nodes, and the registries without TLS."""

    architecture: str
    plain: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Base:
    """A base image whose layers are in the layout, and its Python."""

    image: EnvironmentImage
    python: BasePython


def find(
    engine: Connection,
    spec: EnvironmentSpec,
    store_id: str,
    layout: Layout,
    origin: Origin,
    say: Say,
    cancelled: Event,
) -> Base:
    """The base image: of the engine, if it has one of that name; else what the store has kept; else of its registry.

    Only a Dockerfile and a `python3` that does not say its version need an engine.

    Raises:
        UserError: BaseImageUnreadable, EnvironmentBuildFailed, EngineUnreachable, EngineForbidden, StoreFull.
        BuildCancelledError: `cancelled` was set.
    """
    record = _record(layout, digests.of_json([spec.base, origin.architecture]))
    no_engine: UserError | None = None
    try:
        if engine.call(build.base_in, spec):
            return engine.call(_copied, spec, store_id, layout, record, say, cancelled)
    except UserError as error:
        if error.reason not in _NO_ENGINE:
            raise
        no_engine = error
    base = _kept(record, layout)
    if base is None and spec.dockerfile is None:
        base = _pulled(spec, layout, origin, say, cancelled, no_engine)
    if base is None and no_engine:
        raise UserError(
            no_engine.reason,
            f"the environment's Dockerfile needs a Docker engine: {no_engine}. Without one, build "
            "and push its image elsewhere, and name that in spec.environment.baseImage",
        )
    if base is None:
        return engine.call(_copied, spec, store_id, layout, record, say, cancelled)
    checked(spec, base.python, base.image.architecture, say)
    files.write(record, digests.canonical_json(asdict(base)))
    return base


def in_engine(
    client: docker.DockerClient, spec: EnvironmentSpec, store_id: str, say: Say, cancelled: Event
) -> BaseImage:
    """The base image in the engine, which pulls it, or builds it from its Dockerfile, if necessary.

    Raises:
        UserError: BaseImageUnreadable, EnvironmentBuildFailed.
        BuildCancelledError: `cancelled` was set.
    """
    base = base_image.read(client, build.pull_base(client, spec, say, cancelled), store_id)
    if base is None:
        raise _failed(f"{spec.base} has no python3, or one that does not say its version", say)
    checked(spec, base.python, base.architecture, say)
    return base


def copied(client: docker.DockerClient, base: BaseImage, layout: Layout) -> EnvironmentImage:
    """The engine's base image, whose layers are copied into the layout unless it has them."""
    record = _record(layout, base.id)
    if kept := _kept(record, layout):
        return kept.image
    image = saved.keep(client, base.id, base.id, layout)
    files.write(record, digests.canonical_json(asdict(Base(image, base.python))))
    return image


def _copied(
    client: docker.DockerClient,
    spec: EnvironmentSpec,
    store_id: str,
    layout: Layout,
    record: Path,
    say: Say,
    cancelled: Event,
) -> Base:
    base = in_engine(client, spec, store_id, say, cancelled)
    found = Base(copied(client, base, layout), base.python)
    files.write(record, digests.canonical_json(asdict(found)))
    return found


def _pulled(
    spec: EnvironmentSpec,
    layout: Layout,
    origin: Origin,
    say: Say,
    cancelled: Event,
    no_engine: UserError | None,
) -> Base | None:
    """The base image of its registry; None if there is an engine to ask instead."""

    def tell(_: int) -> None:
        if cancelled.is_set():
            raise build.BuildCancelledError

    asked = build.mirrored(spec.base, sources.read().image_mirrors)
    name = image_name.full(asked)
    plain = name.partition("/")[0] in origin.plain
    say(f"reading {name}")
    try:
        image = registry_base.keep(name, origin.architecture, plain, layout, say, tell)
        paths = ImageFiles(layout.path(layer.digest) for layer in image.layers)
        python = base_python.find(image.variables, paths.real)
    except (UserError, RefusedError) as error:
        if isinstance(error, UserError) and error.reason == reasons.STORE_FULL:
            raise
        if no_engine:
            raise build.unreadable(spec, str(error), asked, _ADVICE) from None
        say(f"{error}; the engine is asked instead")  # it may know other certificates and mirrors
        return None
    if python is None and no_engine:
        raise _failed(
            f"{spec.base} has no python3 that is a link to pythonX.Y, and only a Docker engine could ask it for its "
            f"version: {no_engine}. Without one, add a link to the image (ln -s python3.11 python3), or take another",
            say,
        )
    return Base(image, python) if python else None


def checked(spec: EnvironmentSpec, python: BasePython, architecture: str, say: Say) -> None:
    """Check that the environment can be made on the base image.

    Raises:
        UserError: EnvironmentBuildFailed.
    """
    if python.version != spec.python:
        raise _failed(f"base image has Python {python.version}, not {spec.python}", say)
    if architecture not in PLATFORMS:
        raise _failed(f"{spec.base} is for {architecture}, not amd64 or arm64", say)
    say(f"Python {spec.python} of {spec.base} at {python.path}")


def _failed(message: str, say: Say) -> UserError:
    say(message)
    return UserError(reasons.ENVIRONMENT_BUILD_FAILED, f"spec.environment.baseImage: {message}")


def _record(layout: Layout, digest: str) -> Path:
    return layout.root / "bases" / f"{digest.removeprefix('sha256:')}.json"


def _kept(record: Path, layout: Layout) -> Base | None:
    with contextlib.suppress(UserError):  # a record that cannot be read is written again
        base = state_file.read(record, Base, "")
        if base and all(map(layout.has, base.image.layers)):
            return base
    return None
