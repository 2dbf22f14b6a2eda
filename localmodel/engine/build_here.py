"""Building an environment here: as a virtual environment, and as an image."""

from collections.abc import Callable
from pathlib import Path

from localmodel import running
from localmodel.disk import files, home
from localmodel.environments import stored
from localmodel.environments.formats import asked
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Lock, Note
from localmodel.environments.venvs import venv
from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentRef, EnvironmentSpec
from localmodel.store import EnvironmentVersion, Store
from localmodel.targets.target import Progress

Listen = Callable[[str], None]


def spec_of(environment: EnvironmentVersion | EnvironmentSpec) -> EnvironmentSpec:
    """
    Raises:
        UserError: a stored environment asks for what none can have (its record may come from anybody).
    """
    if isinstance(environment, EnvironmentSpec):
        return environment
    asked.read(environment.spec, f"environment {environment.name}:{environment.version}")
    return environment.spec


def lock(
    environment: EnvironmentVersion | EnvironmentSpec, platform: str | None = None, note: Note | None = None
) -> Lock:
    """The environment's lock, for this machine or for a platform by uv's name.

    Raises:
        UserError: as locks.resolve().
    """
    spec, folder, own = spec_of(environment), home.store() / "locks", tuple[str, ...]()
    if isinstance(environment, EnvironmentVersion):
        reference = EnvironmentRef(environment.name, environment.version)
        own = locks.of_versions(stored.environments_until(reference, Store(home.store())), platform, folder)
    return running.run(locks.resolve(spec, platform, folder, note, own))


def interpreter(
    environment: EnvironmentVersion | EnvironmentSpec, progress: Progress, listen: Listen | None = None
) -> Path:
    """The interpreter of a virtual environment with the environment's packages, built unless it is there.

    A base image plays no part in it. The installer's lines go to home.build_log() of venv.key(), and to `listen`.

    Raises:
        UserError: as locks.resolve() and venv.build().
    """
    spec = spec_of(environment)
    with progress.step("requirements") as done:
        found = lock(environment, note=progress.note)
        done(f"{found.counted}, locked")
    if spec.is_own_base:
        progress.note("a virtual environment has the requirements only, nothing of the environment's image")
    with progress.step("environment") as done:
        log = home.build_log(venv.key(found, spec.python))
        python = running.run(venv.build(found, spec.python, home.home() / "environments", log, listen, progress.note))
        done(str(python))
    return python


def image(environment: EnvironmentVersion | EnvironmentSpec, progress: Progress, listen: Listen | None = None) -> str:
    """Name of an image in the Docker engine that holds the environment and the scoring server.

    Built unless the engine has it. The builder's lines go to home.build_log() of environment_image.key(), and to
    `listen`.

    Raises:
        UserError: DockerPackageMissing, EngineUnreachable; as locks.resolve() and environment_image.ensure().
    """
    # the docker SDK is an extra
    from localmodel.engine import environment_image
    from localmodel.engine.client import Connection
    from localmodel.store import store_id

    spec = spec_of(environment)
    connection = Connection()
    try:
        with progress.step("requirements") as done:
            architecture = connection.call(lambda client: str(client.version()["Arch"]))
            if architecture not in locks.PLATFORMS:
                raise UserError("PlatformUnsupported", f"the engine is for {architecture}, not amd64 or arm64")
            found = lock(environment, locks.PLATFORMS[architecture], progress.note)
            done(f"{found.counted}, locked")
        # nobody sweeps images away meanwhile
        with files.together(home.store() / "images" / "lock"), progress.step("image") as done:
            name = connection.call(environment_image.ensure, spec, found, store_id.of(home.store()), None, listen)
            done(name)
    finally:
        connection.close()
    return name
