"""Makes the image of a deployment, and brings it to a registry, a file or the engine."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from localmodel import reasons
from localmodel.disk import home, user_file
from localmodel.engine import containers, environment_image, load
from localmodel.engine.bases import Origin
from localmodel.engine.client import Connection
from localmodel.environments.locks.lock import PLATFORMS
from localmodel.errors import UserError
from localmodel.oci import upload
from localmodel.oci.layout import Layout
from localmodel.oci.registry import Repository
from localmodel.output.progress import Progress
from localmodel.resource import spec as specs
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import Variable
from localmodel.store import Store, store_id
from localmodel.targets.docker import ContainerRunner
from localmodel.targets.machine import resolve
from localmodel.targets.machine.resolve import Desired
from localmodel.updates import archive, image
from localmodel.updates.image import Image
from localmodel.ways_out.packed import Packed

# This host does not exist, because these images are never pulled; the name says whose they are.
_REPOSITORY = "localmodel.dev/export"
# By what Python calls processors
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class _Elsewhere(ContainerRunner):
    """The processor of a machine that is not known yet: the engine's, or without an engine this machine's."""

    def __init__(self, engine: Connection) -> None:
        super().__init__()
        try:
            self.architecture = engine.call(containers.engine).architecture
        except UserError:
            self.architecture = _ARCHITECTURES.get(platform.machine().lower(), platform.machine())

    def platform(self) -> str:
        if self.architecture not in PLATFORMS:
            message = f"images are made for amd64 and arm64, and not for {self.architecture}"
            raise UserError(reasons.PLATFORM_UNSUPPORTED, message)
        return PLATFORMS[self.architecture]


@dataclass(frozen=True)
class Made:
    """A composed image in the store's layout; `packed` has the name that it gets where it is not pushed."""

    packed: Packed
    image: Image
    layout: Layout


def make(manifests: Manifests, progress: Progress) -> Made:
    """Make the image, and collect what is written beside it.

    Raises:
        UserError: something is missing or does not fit; neither an engine nor a registry has the base image.
    """
    name = manifests.deployment["metadata"]["name"]
    wanted = specs.parse(manifests.deployment["spec"])
    store, layout = Store(home.store()), Layout(home.store() / "images")
    with _connected() as engine, (runner := _Elsewhere(engine)).at_work():
        desired = _looked_up(manifests, runner, progress)
        with progress.step("image") as done:
            environment = environment_image.make(
                engine,
                desired.spec.environment,
                desired.lock,
                store_id.of(home.store()),
                Event(),
                layout,
                Origin(runner.architecture),
            )
            files = desired.files
            made = image.compose(layout, environment, store, desired.models, desired.spec.entry_script, files)
            done(f"{sum(layer.size for layer in made.layers) / 1e6:.0f} MB")
    variables = _variables(wanted.env, manifests)
    return Made(Packed(name, desired.spec, variables, desired.models, made.reference(_repository(name))), made, layout)


def look_up(manifests: Manifests, progress: Progress) -> tuple[Packed, Mapping[str, bytes]]:
    """What is to be served, and the script's files, without an image.

    Raises:
        UserError: something is missing or does not fit.
    """
    with _connected() as engine:
        desired = _looked_up(manifests, _Elsewhere(engine), progress)
    name = manifests.deployment["metadata"]["name"]
    variables = _variables(specs.parse(manifests.deployment["spec"]).env, manifests)
    return Packed(name, desired.spec, variables, desired.models, ""), desired.files


def _looked_up(manifests: Manifests, runner: _Elsewhere, progress: Progress) -> Desired:
    # A Secret is not here, and need not be: its variables stay references.
    wanted = replace(specs.parse(manifests.deployment["spec"]), env=())
    return resolve.resolve(manifests, wanted, runner, progress)


def push(made: Made, reference: str, insecure: bool, progress: Progress) -> Packed:
    """Send the image to the registry, as HOST/REPOSITORY:TAG; return what names it there by its digest.

    Raises:
        UserError: ReferenceInvalid, RegistryUnreachable, RegistryRefused.
    """
    with Repository(reference, insecure) as remote, progress.step("push") as done:
        blobs = (*made.image.layers, made.image.config)
        size = upload.push(made.layout, blobs, made.image.manifest.digest, remote)
        done(f"{size / 1e6:.0f} MB to {reference}")
    return replace(made.packed, image=made.image.reference(reference.removesuffix(f":{remote.tag}")))


def save(made: Made, path: Path, progress: Progress) -> None:
    """Write the image into a file that containerd reads."""
    with progress.step("write") as done, user_file.replacing(path) as file:
        done(str(path))
        for chunk in archive.archive(made.layout, made.image, made.packed.image, made.image.layers):
            file.write(chunk)


def require_engine() -> None:
    """Find out whether there is an engine for `load_here()`, before an image is made for it.

    Raises:
        UserError: EngineUnreachable, EngineForbidden.
    """
    with _connected() as engine:
        try:
            engine.call(lambda client: client.ping())
        except UserError as error:
            raise UserError(
                error.reason, f"{error}, or send the image to a registry with --push HOST/REPOSITORY:TAG"
            ) from None


def load_here(made: Made, progress: Progress) -> Packed:
    """Load the image into the engine of this machine, under a name that has its digest as a tag.

    Raises:
        UserError: EnvironmentBuildFailed, EngineUnreachable.
    """
    tag = made.image.manifest.digest.removeprefix("sha256:")[:32]
    name = f"{_repository(made.packed.name)}:{tag}"
    with progress.step("load"), _connected() as engine:
        engine.call(load.whole, made.layout, made.image, name)
    return replace(made.packed, image=name)


def _repository(name: str) -> str:
    return f"{_REPOSITORY}/{name}"


@contextmanager
def _connected() -> Iterator[Connection]:
    connection = Connection()
    try:
        yield connection
    finally:
        connection.close()


def _variables(env: Sequence[Variable], manifests: Manifests) -> tuple[Variable, ...]:
    """The user's variables, with the values of those whose ConfigMap is beside the deployment."""
    return tuple(_with_value(variable, manifests) for variable in env)


def _with_value(variable: Variable, manifests: Manifests) -> Variable:
    reference = variable.value_from
    if reference is None or reference.kind != "ConfigMap":
        return variable
    content = manifests.config_maps.get(reference.name, {}).get(reference.key)
    return variable if content is None else Variable(variable.name, content.decode())
