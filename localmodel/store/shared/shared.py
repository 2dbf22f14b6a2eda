"""The store that a registry's repository is, and the folder of records with what was last seen of it.

The folder has the form of a store's own records. What a version contains arrives when it is needed.
"""

import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import quote

from localmodel import digests, reasons
from localmodel.disk import files, home
from localmodel.errors import UserError
from localmodel.oci.layout import Layout, Meter
from localmodel.output import notices
from localmodel.store import artifacts
from localmodel.store.shared import checked, numbering, tags
from localmodel.store.shared.seen import Seen
from localmodel.store.shared.tags import Key
from localmodel_untrusted import json_text

FOLDER = "shared"
_STORE_TYPE = "application/vnd.localmodel.store.v1+json"
_DELETED_TYPE = "application/vnd.localmodel.deleted.v1+json"
_ALIASES_TYPE = "application/vnd.localmodel.aliases.v1+json"
_AT_ONCE = 8
_BELIEVED_SILENT = 30.0  # seconds
_FEW = 3


class Shared:
    """The repository `place` (`host/path`), and below the layout's folder what is known of it."""

    def __init__(self, layout: Layout, place: str) -> None:
        self.place = place
        self.folder = layout.root / FOLDER / quote(place, safe="")
        self._layout, self._seen = layout, Seen(layout.root, self.folder)
        self._silent_until = 0.0

    def log_in(self) -> None:
        """Read the credentials now."""
        self._remote  # noqa: B018 - made once

    def look(self) -> None:
        """Bring the folder up to date. While the registry does not answer, it stays as it is, with a warning.

        Raises:
            UserError: RegistryUnreachable, if it has never answered; RegistryRefused, SharedStoreInvalid.
        """
        if time.monotonic() < self._silent_until:
            return
        try:
            self._update()
        except UserError as error:
            self.__dict__.pop("_remote", None)  # so that a login counts that follows
            if error.reason != reasons.REGISTRY_UNREACHABLE or not (seen := self._seen.when()):
                raise
            self._silent_until = time.monotonic() + _BELIEVED_SILENT
            notices.log.warning("%s; versions are those that were seen until %s", error, seen)

    def add(self, kind: str, version: Any) -> Any:
        """Number the version, whose content is in the layout, and send it. It is visible when it is complete.

        Raises:
            UserError: RegistryUnreachable, RegistryRefused, SharedStoreInvalid, StoreDamaged.
        """
        from localmodel.oci import upload
        from localmodel.store.sharing import sharing, transfer

        key = Key(kind, version.name, version.version)
        tags.check_length(key)
        parcel = sharing.pack(self._layout, version)
        with self._named():
            self._begin()
            upload.send(self._layout, parcel.blobs, self._remote)
            key = numbering.claimed(key, self._remote.tags, lambda tag: self._remote.put(tag, parcel.manifest))
            numbered = replace(version, version=key.number)
            transfer.put(self._remote, tags.of_record(key), sharing.record(numbered, len(parcel.manifest)))
            self._remote.put(str(key), parcel.manifest)
        return numbered

    def change(self, kind: str, version: Any) -> None:
        """Send the version's changed record.

        Raises:
            UserError: RegistryUnreachable, RegistryRefused.
        """
        from localmodel.store.sharing import sharing

        record = sharing.record(version, len(self._manifest(version)))
        self._change(Key(kind, version.name, version.version), record)

    def set_aliases(self, kind: str, name: str, content: bytes) -> None:
        """Send the file with the aliases of a name.

        Raises:
            UserError: RegistryUnreachable, RegistryRefused.
        """
        from localmodel.store.sharing.note import note

        self._change(Key(kind, name), note(_ALIASES_TYPE, content))

    def remove(self, kind: str, name: str, number: int) -> None:
        """Mark the version as deleted.

        Raises:
            UserError: RegistryUnreachable, RegistryRefused.
        """
        from localmodel.store.sharing import transfer
        from localmodel.store.sharing.note import note

        mark = note(_DELETED_TYPE, digests.canonical_json({"version": number}))
        with self._named():
            transfer.put(self._remote, tags.of_deletion(Key(kind, name, number)), mark)

    def fetch(self, version: Any, progress: Meter | None = None) -> None:
        """Fetch what the version contains, as far as it is not in the layout.

        Raises:
            UserError: RegistryUnreachable, RegistryRefused, ContentDamaged, StoreFull.
        """
        from localmodel.oci.upload import Count

        try:
            manifest = self._manifest(version)
            missing = [blob for blob in artifacts.blobs(json_text.parse(manifest)) if not self._layout.has(blob)]
            if not missing and self._layout.path(version.digest).is_file():
                return
            count = Count(sum(blob.size for blob in missing), progress)
            for blob in missing:
                self._layout.write(self._remote.receive(blob, count), expected=blob)
            self._layout.add(manifest)  # last: who has it has all
        except (ValueError, LookupError, TypeError) as error:
            raise UserError(
                reasons.CONTENT_DAMAGED, f"{version.name}:{version.version}: its manifest cannot be read: {error}"
            ) from None

    def _manifest(self, version: Any) -> bytes:
        if self._layout.path(version.digest).is_file():
            return self._layout.read(version.digest)
        what = f"the content of {version.name}:{version.version} is not on this machine"
        try:
            with self._named():
                manifest: bytes | None = self._remote.manifest(version.digest)
        except UserError as error:
            raise UserError(error.reason, f"{what}: {error}") from None
        if manifest is None:
            raise UserError(reasons.CONTENT_DAMAGED, f"{what}, and not in oci://{self.place} any more")
        return manifest

    @contextmanager
    def _named(self) -> Iterator[None]:
        """A block in which an error of the registry says that it is the store's."""
        try:
            yield
        except UserError as error:
            if error.reason not in (reasons.REGISTRY_UNREACHABLE, reasons.REGISTRY_REFUSED):
                raise
            raise UserError(error.reason, f"{error} (LOCALMODEL_STORE is oci://{self.place})") from None

    @cached_property
    def _remote(self) -> Any:
        from localmodel.oci.registry import Repository  # its HTTP client takes longer to import than all else

        return Repository(f"{self.place}:{tags.STORE}", False)

    def _begin(self) -> None:
        """Make the repository a store, unless it is one."""
        from localmodel.store.sharing import transfer
        from localmodel.store.sharing.note import note

        if not self._own(self._remote.tags()):
            transfer.put(self._remote, tags.STORE, note(_STORE_TYPE, digests.canonical_json({"format": 1})))

    def _own(self, texts: Collection[str]) -> bool:
        """Whether the repository is a store; one without any tag can become one.

        Raises:
            UserError: SharedStoreInvalid.
        """
        if texts and tags.STORE not in texts:
            shown = ", ".join(sorted(texts)[:_FEW])
            raise UserError(
                reasons.SHARED_STORE_INVALID,
                f"oci://{self.place} holds something else ({shown}); let LOCALMODEL_STORE name a repository of its own",
            )
        return bool(texts)

    def _change(self, key: Key, note: Any) -> None:
        from localmodel.store.sharing import transfer

        with self._named():
            transfer.put(self._remote, tags.of_change(key, self._remote.tags(), note.manifest), note)

    def _update(self) -> None:
        with (
            self._named(),
            files.locked(self._layout.root / "lock", shared=True),
            files.locked(self.folder / "lock"),
        ):
            texts = self._remote.tags()
            self._own(texts)
            before = self._seen.last()
            now = {**{Key.of(path): tags.DELETED for path in before}, **tags.state(texts)}
            news = {
                key: tag for key, tag in now.items() if before.get(key.path) != tag and not self._seen.stays(key, tag)
            }
            with ThreadPoolExecutor(_AT_ONCE) as threads:
                contents = dict(zip(news, threads.map(self._content, news, news.values()), strict=True))
            for key, content in contents.items():
                self._seen.write(key, content)
            read = {key.path: news[key] for key, content in contents.items() if content is not None}
            self._seen.note({**before, **read})

    def _content(self, key: Key, tag: str) -> bytes | None:
        """The content of the note under a tag, b"" for a deletion; None if it cannot be read, with a warning."""
        from localmodel.store.sharing import sharing
        from localmodel.store.sharing.note import blob_of, opened

        if tag == tags.DELETED:
            return b""
        try:
            manifest = self._remote.manifest(tag) or b"null"
            blob, content = opened(manifest, sharing.RECORD if key.number else _ALIASES_TYPE)
            if content is None:
                content = b"".join(self._remote.receive(blob, lambda _: None))
            if blob_of(content) != blob:
                raise ValueError("its content is not what its digest says")
            return checked.record(key, content)
        except (ValueError, LookupError, TypeError) as error:
            notices.log.warning("oci://%s:%s is left out, because it cannot be read: %s", self.place, tag, error)
            return None


def of_environment(layout: Layout) -> Shared | None:
    """The store that LOCALMODEL_STORE names, if it does.

    Raises:
        UserError: SharedStoreInvalid.
    """
    place = home.shared_store()
    return Shared(layout, place) if place else None
