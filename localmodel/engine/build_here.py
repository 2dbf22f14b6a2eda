"""Builds an environment on this machine as an image."""

from localmodel import reasons
from localmodel.disk import files, home
from localmodel.environments.here import Listen, lock, spec_of
from localmodel.environments.locks import lock as locks
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion


def image(environment: EnvironmentVersion | EnvironmentSpec, progress: Progress, listen: Listen | None = None) -> str:
    """The name of an image in the Docker engine with the environment and the scoring server, built if necessary.

    The builder's lines go to `home.build_log()` of `environment_image.key()`, and to `listen`.

    Raises:
        UserError: DockerPackageMissing, EngineUnreachable; the errors of `locks.lock.resolve()` and
            `environment_image.ensure()`.
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
                raise UserError(reasons.PLATFORM_UNSUPPORTED, f"the engine is for {architecture}, not amd64 or arm64")
            lock_here = lock(environment, locks.PLATFORMS[architecture], progress.note)
            done(f"{lock_here.counted}, locked")
        # so that no sweep removes images meanwhile
        with files.together(home.store() / "images" / "lock"), progress.step("image") as done:
            name = connection.call(environment_image.ensure, spec, lock_here, store_id.of(home.store()), None, listen)
            done(name)
    finally:
        connection.close()
    return name
