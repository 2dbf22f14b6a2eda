"""The folder with the records of a shared store as they were seen last, in the form of a store's own records."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from localmodel import digests
from localmodel.disk import files, state_file
from localmodel.errors import UserError
from localmodel.store import environment_uses, environments, uses
from localmodel.store.shared import tags
from localmodel.store.shared.tags import Key


class Seen:
    """The records below `folder`, and the tags that they have come from. `store` is this machine's own folder."""

    def __init__(self, store: Path, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._known = folder / "known"

    def when(self) -> str:
        """The time of the last look, or ""."""
        if not self._known.is_file():
            return ""
        return datetime.fromtimestamp(self._known.stat().st_mtime).isoformat(" ", "minutes")

    def last(self) -> Mapping[str, str]:
        """The tag that each record has come from, by the path of its key."""
        return state_file.read(self._known, dict[str, str], "remove it, and it is made again") or {}

    def note(self, known: Mapping[str, str]) -> None:
        """Note that everything was looked at now, with the tags that the records have come from."""
        files.write(self._known, digests.canonical_json(dict(known)))

    def write(self, key: Key, content: bytes | None) -> None:
        """Write a record or the aliases of a name; b"" removes them, None leaves them as they are."""
        path = self._folder / key.kind / key.name / (f"{key.number}.json" if key.number else "aliases")
        tombstone = path.with_suffix(".deleted")
        if content:
            files.write(path, content)
            tombstone.unlink(missing_ok=True)
        elif content is not None:
            if key.number:
                files.write(tombstone, b"")
            path.unlink(missing_ok=True)

    def stays(self, key: Key, tag: str) -> bool:
        """Whether a version stays here that others have deleted, because a deployment uses it or may use it."""
        if tag != tags.DELETED:
            return False
        version = f"{key.name}:{key.number}"
        try:
            if key.kind == environments.KIND.folder:
                return bool(environment_uses.of_version(self._store.parent, version))
            return any(version in use.models for use in uses.gather(self._store))
        except UserError:  # the record of a deployment cannot be read
            return True
