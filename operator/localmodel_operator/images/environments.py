"""Builds environment images in the background, once for equal content."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event

from localmodel import digests, reasons
from localmodel.disk import files, home, state_file
from localmodel.engine import build, environment_image
from localmodel.engine.bases import Origin
from localmodel.engine.client import Engine
from localmodel.environments.locks.lock import Lock
from localmodel.environments.venvs import build_log
from localmodel.errors import UserError
from localmodel.oci.layout import Layout
from localmodel.resource.spec import EnvironmentSpec
from localmodel.updates.image import EnvironmentImage
from localmodel_operator.images import sweep_lock
from localmodel_operator.workqueue import Key

log = logging.getLogger(__name__)

_BUILDS_AT_ONCE = 2
_RETRY_FAILED_AFTER = 60.0  # seconds, because a registry may have been unavailable


@dataclass
class _Build:
    task: asyncio.Task[None]
    cancelled: Event = field(default_factory=Event)


class Environments:
    """Environment images by key. Records beside the layers let a finished build outlive this process."""

    def __init__(
        self, engine: Engine, layout: Layout, store_id: str, folder: Path, keep_seconds: float, origin: Origin
    ) -> None:
        self._engine, self._layout, self._store_id, self._folder = engine, layout, store_id, folder
        self._origin, self._keep_seconds = origin, keep_seconds
        self._builds: dict[str, _Build] = {}
        self._wanted: dict[Key, str] = {}
        self._failures: dict[str, tuple[UserError, float]] = {}
        self._slots = asyncio.Semaphore(_BUILDS_AT_ONCE)

    @staticmethod
    def key(spec: EnvironmentSpec, lock: Lock, server: str) -> str:
        """The image's key, made of base reference, Python, lock, and our server's digest."""
        return environment_image.key(spec, lock, server)

    def find(self, key: str) -> EnvironmentImage | None:
        """The finished image if its record can be read and all its layers exist, else None."""
        try:
            image = self.recorded(key)
        except UserError as error:
            log.warning("%s", error)
            return None
        return image if image and all(map(self._layout.has, image.layers)) else None

    def recorded(self, key: str) -> EnvironmentImage | None:
        """The image in a build's record, or None.

        Raises:
            UserError: StateDamaged, StateNewer.
        """
        return state_file.read(self._record(key), EnvironmentImage, "it is built anew where it is wanted")

    def want(self, owner: Key, key: str | None) -> None:
        """Note that the resource `owner` now waits only for `key`; cancel builds that nobody waits for any more."""
        self._wanted.pop(owner, None)
        if key is not None:
            self._wanted[owner] = key
        for other, running in self._builds.items():
            if other not in self._wanted.values() and not running.cancelled.is_set():
                log.info("environment %s: build cancelled, nobody waits for it", other)
                running.cancelled.set()

    def start(self, key: str, spec: EnvironmentSpec, lock: Lock, done: Callable[[], None]) -> None:
        """Start a build in the background; `done()` is called when it has ended or failed.

        Raises:
            UserError: the last build of this key has just failed.
        """
        if key in self._failures:
            error, when = self._failures[key]
            if time.monotonic() < when + _RETRY_FAILED_AFTER:
                raise error
        running = self._builds.get(key)
        if running and not running.cancelled.is_set():
            running.task.add_done_callback(lambda _: done())
            return
        cancelled = Event()
        task = asyncio.create_task(self._build(key, spec, lock, cancelled, running.task if running else None))
        self._builds[key] = _Build(task, cancelled)
        task.add_done_callback(lambda _: done())

    async def _build(
        self, key: str, spec: EnvironmentSpec, lock: Lock, cancelled: Event, before: asyncio.Task[None] | None
    ) -> None:
        if before:
            await asyncio.wait([before])
        try:
            async with self._slots, sweep_lock.shared(self._layout.root / "lock"):
                image = await self._engine.lend(
                    environment_image.make, spec, lock, self._store_id, cancelled, self._layout, self._origin
                )
                files.write(self._record(key), digests.canonical_json(asdict(image)))
            self._failures.pop(key, None)
        except UserError as error:
            self._failures[key] = (error, time.monotonic())
        except build.BuildCancelledError:
            pass
        except Exception as error:
            log.exception("environment %s", key)
            self._failures[key] = (
                UserError(reasons.ENVIRONMENT_BUILD_FAILED, f"the build failed: {error}"),
                time.monotonic(),
            )
        finally:
            if self._builds.get(key) and self._builds[key].cancelled is cancelled:
                del self._builds[key]

    def stop(self) -> list[asyncio.Task[None]]:
        """Cancel every build; return the tasks that are ending."""
        for running in self._builds.values():
            running.cancelled.set()
        return [running.task for running in self._builds.values()]

    def keys(self) -> set[str]:
        """The keys of the finished images."""
        return {path.stem for path in self._folder.glob("*.json")}

    def building(self) -> set[str]:
        return set(self._builds)

    async def forget(self, keep: set[str], left: set[str]) -> bool:
        """Remove records and engine images of all keys except `keep`, awaited ones, and recently used ones.

        `left` are keys that were used until now. Returns whether recently used ones stay.
        """
        keep = keep | set(self._wanted.values())
        for key in left - keep:
            build_log.used(home.build_log(key))
        unused = self.keys() - keep
        resting = {key for key in unused if environment_image.rests(key, self._keep_seconds)}
        for key in unused - resting:
            self._record(key).unlink(missing_ok=True)
        with contextlib.suppress(UserError):  # without an engine, the next sweep removes them
            others = keep | self.building()
            await self._engine.call(environment_image.remove_others, self._store_id, others, self._keep_seconds)
        return bool(resting)

    def _record(self, key: str) -> Path:
        return self._folder / f"{key}.json"
