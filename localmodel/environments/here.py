"""An environment's lock and virtual environment on this machine."""

from collections.abc import Callable
from pathlib import Path

from localmodel import run_coroutine
from localmodel.disk import home
from localmodel.environments import stored
from localmodel.environments.formats import asked
from localmodel.environments.install_news import listener
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Lock, Note
from localmodel.environments.venvs import venv
from localmodel.output.progress import Progress
from localmodel.resource.spec import EnvironmentRef, EnvironmentSpec
from localmodel.store import EnvironmentVersion, Store

Listen = Callable[[str], None]


def spec_of(environment: EnvironmentVersion | EnvironmentSpec) -> EnvironmentSpec:
    """The environment's spec; that of a stored one is checked, because its record may come from anybody.

    Raises:
        UserError: a stored environment asks for something invalid.
    """
    if isinstance(environment, EnvironmentSpec):
        return environment
    asked.read(environment.spec, f"environment {environment.name}:{environment.version}")
    return environment.spec


def lock(
    environment: EnvironmentVersion | EnvironmentSpec, platform: str | None = None, note: Note | None = None
) -> Lock:
    """The environment's lock for this machine, or for a platform by uv's name.

    Raises:
        UserError: the errors of `locks.lock.resolve()`.
    """
    spec, folder, own = spec_of(environment), home.store() / "locks", tuple[str, ...]()
    if isinstance(environment, EnvironmentVersion):
        reference = EnvironmentRef(environment.name, environment.version)
        own = locks.of_versions(stored.environments_until(reference, Store(home.store())), platform, folder)
    return run_coroutine.run(locks.resolve(spec, platform, folder, note, own))


def known_lock(environment: EnvironmentVersion) -> Lock | None:
    """The stored environment's lock for this machine, if it was resolved before; nothing is resolved.

    Raises:
        UserError: StateDamaged.
    """
    reference = EnvironmentRef(environment.name, environment.version)
    specs = stored.environments_until(reference, Store(home.store()))
    return locks.known(specs, None, home.store() / "locks")


def interpreter(
    environment: EnvironmentVersion | EnvironmentSpec, progress: Progress, listen: Listen | None = None
) -> Path:
    """The interpreter of a virtual environment with the environment's packages, built if it does not exist.

    A base image is ignored. The installer's lines go to `home.build_log()` of `venv.key()`, and to `listen`.

    Raises:
        UserError: the errors of `locks.lock.resolve()` and `venv.build()`.
    """
    spec = spec_of(environment)
    with progress.step("requirements") as done:
        lock_here = lock(environment, note=progress.note)
        done(f"{lock_here.counted}, locked")
    if spec.is_own_base:
        progress.note("a virtual environment has the requirements only, nothing of the environment's image")
    with progress.step("environment") as done:
        log = home.build_log(venv.key(lock_here, spec.python))
        listen = listen or listener(lock_here.counted, progress)
        python = run_coroutine.run(
            venv.build(lock_here, spec.python, home.home() / "environments", log, listen, progress.note)
        )
        done(str(python))
    return python
