"""The store as it would be: what is registered here is only looked at, and can be used until the program ends."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from localmodel import digests, reasons
from localmodel.errors import UserError
from localmodel.oci.layout import Blob, Layout, hashed
from localmodel.store import code, environments, models
from localmodel.store.code import Code, CodeVersion
from localmodel.store.environments import Environments
from localmodel.store.models import Models, ModelVersion
from localmodel.store.origin import Origin
from localmodel.store.records import RecordKind, Records, Version
from localmodel.store.store import Store

V = TypeVar("V", bound=Version)
_SMALL = 1 << 20
_ELSEWHERE = "elsewhere"


class StagedStore(Store):
    """What the store has, and what is registered here. Nothing is written."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.layout = _Layout(root)
        self.models = self._models = _Models(self.layout, self._origin)
        self.environments = Environments(self.layout, self._origin)
        self.environments.records = StagedRecords(self.layout, environments.KIND, self._origin)
        self.code = _Code(self.layout, self._origin)

    def stand_in(self, name: str, digest: str) -> ModelVersion:
        """The next version of the name, whose content is somewhere else. The digest may be unknown ("")."""
        unknown = digest or digests.of_bytes(b"")
        version = ModelVersion(name, 0, unknown, self.layout.write([]), "", properties={_ELSEWHERE: "true"})
        return self.models.records.keep(version)

    @contextmanager
    def model_files(self, model: ModelVersion) -> Generator[Path]:
        if _ELSEWHERE in model.properties:
            raise UserError(reasons.MODEL_NOT_FOUND, f"model {model.name} is not fetched yet; lmd apply fetches it")
        if path := self._models.paths.get(model.digest):
            yield path
        else:
            with super().model_files(model) as path:
                yield path

    def is_new(self, version: Version) -> bool:
        """Whether a model is one that was registered here."""
        records = self.models.records
        return isinstance(records, StagedRecords) and records.is_new(version)


class StagedRecords(Records[V]):
    """Records that are added in memory, with the numbers that they would have."""

    def __init__(self, layout: Layout, kind: RecordKind[V], origin: Origin | None = None) -> None:
        super().__init__(layout, kind, origin)
        self._added: dict[tuple[str, int], V] = {}

    def is_new(self, version: Version) -> bool:
        return (version.name, version.version) in self._added

    def _numbers(self, name: str, skip: "Callable[..., None] | None" = None) -> list[int]:
        return sorted({*super()._numbers(name, skip), *(number for one, number in self._added if one == name)})

    def require(self) -> None:
        if not self._added:
            super().require()

    @contextmanager
    def writing(self) -> Iterator[None]:
        yield

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        yield

    def _create(self, version: V) -> V:
        self._added[version.name, version.version] = version
        return version

    def _read(self, name: str, number: int) -> V | None:
        return self._added.get((name, number)) or super()._read(name, number)


class _Layout(Layout):
    """Blobs that are hashed, and kept in memory if they are small."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._blobs: set[Blob] = set()
        self._small: dict[str, bytes] = {}

    def has(self, blob: Blob) -> bool:
        return blob in self._blobs or super().has(blob)

    def read(self, digest: str) -> bytes:
        return self._small[digest] if digest in self._small else super().read(digest)

    def write(
        self,
        chunks: Iterable[bytes],
        tell: Callable[[int], None] | None = None,
        expected: Blob | None = None,
        needed: int | None = None,
    ) -> Blob:
        start = bytearray()

        def noted() -> Iterator[bytes]:
            size = 0
            for chunk in chunks:
                size += len(chunk)
                if size <= _SMALL:
                    start.extend(chunk)
                if tell:
                    tell(size)
                yield chunk

        blob = hashed(noted())
        self._blobs.add(blob)
        if blob.size <= _SMALL:
            self._small[blob.digest] = bytes(start)
        return blob


class _Models(Models):
    def __init__(self, layout: Layout, origin: Origin | None) -> None:
        super().__init__(layout, origin)
        self.records = StagedRecords(layout, models.KIND, origin)
        self.paths: dict[str, Path] = {}

    def register(self, name: str, path: Path | str, **described: Any) -> ModelVersion:
        version = super().register(name, path, **described)
        self.paths[version.digest] = Path(path).resolve()
        return version


class _Code(Code):
    def __init__(self, layout: Layout, origin: Origin | None) -> None:
        super().__init__(layout, origin)
        self.records = StagedRecords(layout, code.KIND, origin)
        self._files: dict[str, Mapping[str, bytes]] = {}

    def register(
        self, name: str, files: Mapping[str, bytes], entry: str, repository: str = "", commit: str = ""
    ) -> CodeVersion:
        version = super().register(name, files, entry, repository, commit)
        self._files[version.digest] = files
        return version

    def files(self, code: CodeVersion) -> dict[str, bytes]:
        return dict(self._files[code.digest]) if code.digest in self._files else super().files(code)
