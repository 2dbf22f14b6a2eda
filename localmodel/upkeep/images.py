"""Finds and removes environment images in the Docker engine that are not needed any more."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from localmodel.disk import files, home
from localmodel.store import environment_uses
from localmodel.upkeep.environments import Kept, too_young


class Images:
    """This store's images in the engine. Docker counts shared layers in the size of each image.

    Every method may raise a `UserError`: DockerPackageMissing, EngineUnreachable, StateDamaged.
    """

    def __init__(self, folder: Path) -> None:
        from localmodel.engine.client import Connection  # here, because the docker SDK is an extra
        from localmodel.store import store_id

        self._home = folder
        self._store = store_id.of(folder / "store")
        self._engine = Connection()

    def close(self) -> None:
        self._engine.close()

    def sizes(self) -> dict[str, int]:
        """The bytes of each image, by key."""
        from localmodel.engine import environment_image

        return self._engine.call(environment_image.present, self._store)

    def look(self, keys: set[str], older_than: float) -> list[Kept]:
        """The images with these keys. One may go if nothing needs it, and it was not used for `older_than` seconds."""
        needed = self._needed()
        return [self._look(key, needed, older_than) for key in sorted(keys)]

    def remove(self, key: str, older_than: float) -> bool:
        """Remove it, unless something needs it, or makes or uses images now; return whether it was removed."""
        from localmodel.engine import environment_image

        with contextlib.suppress(BlockingIOError), files.alone(self._home / "store" / "images" / "lock"):
            if not self._look(key, self._needed(), older_than).goes:
                return False
            self._engine.call(environment_image.remove, self._store, {key})
            if key in self.sizes():  # one of the user's containers runs it
                return False
            home.build_log(key).unlink(missing_ok=True)
            return True
        return False

    def _needed(self) -> dict[str, str]:
        """What deployments need, and what an operator has recorded, which the operator sweeps itself."""
        recorded = (self._home / "store" / "images" / "environments").glob("*.json")
        return {**{path.stem: "an operator keeps it" for path in recorded}, **environment_uses.keys(self._home)}

    def _look(self, key: str, needed: dict[str, str], older_than: float) -> Kept:
        log = home.build_log(key)
        used = log.stat().st_mtime if log.exists() else 0.0
        return Kept(key, "image", used, needed.get(key) or too_young(used, older_than))


@contextlib.contextmanager
def images(folder: Path) -> Iterator[Images | None]:
    """The images, or None if this store has never had any.

    Raises:
        UserError: DockerPackageMissing.
    """
    if not (folder / "store" / "id").exists():
        yield None
        return
    images_found = Images(folder)
    try:
        yield images_found
    finally:
        images_found.close()
