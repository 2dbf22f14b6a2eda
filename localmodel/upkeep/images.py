"""Images of environments in the Docker engine that nobody needs any more."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from localmodel.disk import files, home
from localmodel.store import environment_uses
from localmodel.upkeep.environments import Kept, too_young


class Images:
    """This store's images in the engine. Docker says of each what it takes with what it shares with others.

    Raises (every method):
        UserError: DockerPackageMissing, EngineUnreachable, StateDamaged.
    """

    def __init__(self, folder: Path) -> None:
        from localmodel.engine.client import Connection  # the docker SDK is an extra
        from localmodel.store import store_id

        self._home = folder
        self._store = store_id.of(folder / "store")
        self._engine = Connection()

    def close(self) -> None:
        self._engine.close()

    def sizes(self) -> dict[str, int]:
        """Key of each image, and its bytes."""
        from localmodel.engine import environment_image

        return self._engine.call(environment_image.present, self._store)

    def look(self, keys: set[str], older_than: float) -> list[Kept]:
        """The images with these keys; those that nobody needs, and nobody used for that long, may go."""
        needed = self._needed()
        return [self._look(key, needed, older_than) for key in sorted(keys)]

    def remove(self, key: str, older_than: float) -> bool:
        """Remove it, unless somebody has come to need it, or makes or uses images right now."""
        from localmodel.engine import environment_image

        with contextlib.suppress(BlockingIOError), files.alone(self._home / "store" / "images" / "lock"):
            if not self._look(key, self._needed(), older_than).goes:
                return False
            self._engine.call(environment_image.remove, self._store, {key})
            if key in self.sizes():  # a container of the user's own runs it
                return False
            home.build_log(key).unlink(missing_ok=True)
            return True
        return False

    def _needed(self) -> dict[str, str]:
        """What deployments need, and what an operator has recorded: that one sweeps its own."""
        recorded = (self._home / "store" / "images" / "environments").glob("*.json")
        return {**{path.stem: "an operator keeps it" for path in recorded}, **environment_uses.keys(self._home)}

    def _look(self, key: str, needed: dict[str, str], older_than: float) -> Kept:
        log = home.build_log(key)
        used = log.stat().st_mtime if log.exists() else 0.0
        return Kept(key, "image", used, needed.get(key) or too_young(used, older_than))


@contextlib.contextmanager
def images(folder: Path) -> Iterator[Images | None]:
    """The images; None where no store has ever had any.

    Raises:
        UserError: DockerPackageMissing.
    """
    if not (folder / "store" / "id").exists():
        yield None
        return
    found = Images(folder)
    try:
        yield found
    finally:
        found.close()
