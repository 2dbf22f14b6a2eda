"""The store: a folder with the blobs of everything, and the records that name them."""

import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.disk.home_errors import telling
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Layout, Meter
from localmodel.resource.spec import ModelRef
from localmodel.store import check, code, environments, models
from localmodel.store.check import Problem, Registries
from localmodel.store.code import Code
from localmodel.store.environments import Environments, EnvironmentVersion
from localmodel.store.index import Ref
from localmodel.store.models import Models, ModelVersion
from localmodel.store.records import Records
from localmodel.store.shared import shared
from localmodel.store.sharing import archive
from localmodel.store.sharing.sharing import AnyVersion, Receiver


@telling
class Store:
    """Models, environments and code below a folder, which is created when it is first written to.

    Processes may share it: what is visible is always complete, even if a writer is killed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(root)
        self._origin = shared.of_environment(Layout(root))
        self.models = Models(self.layout, self._origin)
        self.environments = Environments(self.layout, self._origin)
        self.code = Code(self.layout, self._origin)
        self._receiver = Receiver(self.layout, self.models, self.environments, self.code)

    def select_models(self, wanted: Iterable[ModelRef]) -> tuple[ModelVersion, ...]:
        """The versions that a spec names; of one that names only an address, the one that came last from there.

        Raises:
            UserError: the errors of `Models.get()`; DigestMismatch. The message names the field.
        """
        versions = []
        for index, model in enumerate(wanted):
            try:
                versions.append(self._named(model))
            except UserError as error:
                raise UserError(error.reason, f"spec.models[{index}]: {error}") from None
        return tuple(versions)

    def _named(self, model: ModelRef) -> ModelVersion:
        if not model.version:
            from localmodel.store.fetched import from_address

            return from_address.last(self, model)
        version = self.models.get(model.name, model.version)
        if model.digest not in ("", version.digest):
            raise UserError(
                reasons.DIGEST_MISMATCH,
                f"model {version.inside.replace('/', ':')} has the digest {version.digest}, and not {model.digest}",
            )
        return version

    @contextmanager
    def model_files(self, model: ModelVersion) -> Generator[Path]:
        """The model's file or folder, to be read meanwhile."""
        weights, incoming = self.layout.path(model.weights.digest), self.root / "incoming"
        with self.models.records.writing():
            incoming.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=incoming) as folder:
                layers.extract(weights, Path(folder))
                yield Path(folder, layers.top(weights))

    def verify(self, version: AnyVersion | None = None, *, progress: Meter | None = None) -> Iterator[Problem]:
        """The damages of one version or of all: blobs are hashed, and what records name is looked up.

        `progress` is called with the bytes done and the bytes in all.
        """
        if version is not None:
            return check.verify(self.layout, self._whole(version), progress)
        return check.verify_all(self.layout, self.own_records(), progress)

    def collect_garbage(self) -> int:
        """Remove contents of deleted versions and leftovers of killed writers; return how many bytes that frees.

        It is safe while other processes write, because they wait for one another.

        Raises:
            UserError: StateDamaged, StateNewer, StoreDamaged; nothing is removed then.
        """
        return check.collect_garbage(self.layout, self.own_records(), self.seen_records())

    def log_in(self) -> None:
        """Read the credentials for a shared store now; otherwise they are read when they are needed."""
        if self._origin:
            self._origin.log_in()

    def own_records(self) -> Registries:
        """The records of this folder, whatever LOCALMODEL_STORE is."""
        return self._kept(self.root)

    def seen_records(self) -> Registries:
        """The records of the shared stores that this folder has seen; their content may be here, or not."""
        return tuple(chain.from_iterable(map(self._kept, sorted((self.root / shared.FOLDER).glob("*")))))

    def _kept(self, folder: Path) -> Registries:
        return tuple(Records(self.layout, kind, folder=folder) for kind in (models.KIND, environments.KIND, code.KIND))

    def push(
        self, version: AnyVersion, reference: str, *, insecure: bool = False, progress: Meter | None = None
    ) -> str:
        """Send a version to `host/repository:tag` of an OCI registry; return its digest there.

        Its record gets the same tag with `.record` appended. HTTPS is used, or plain HTTP to this machine or if
        `insecure`; credentials are Docker's.

        Raises:
            UserError: ReferenceInvalid, RegistryUnreachable, RegistryRefused, StoreDamaged.
        """
        from localmodel.oci import registry  # its HTTP client takes longer to import than everything else
        from localmodel.store.sharing import transfer

        self._whole(version)
        with registry.Repository(reference, insecure) as place:
            return transfer.push(self.layout, version, place, progress)

    def pull(
        self,
        reference: str,
        *,
        name: str | None = None,
        only: type[AnyVersion] | None = None,
        insecure: bool = False,
        progress: Meter | None = None,
    ) -> AnyVersion:
        """Fetch a version from a registry, as the next one of its name (or of `name`), unless the store has it.

        With `only`, a version of another kind is refused.

        Raises:
            UserError: the errors of `push()`; OtherKind, ArtifactNotFound, ArtifactUnsupported, ArchiveInvalid,
                NameMissing, ContentDamaged, StoreFull; the name is invalid.
        """
        from localmodel.oci import registry
        from localmodel.store.sharing import transfer

        with self.models.records.writing(), _arriving(reference), registry.Repository(reference, insecure) as place:
            return transfer.pull(self.layout, self._receiver, place, name, only, progress)

    def export_to(self, path: Path, versions: Iterable[AnyVersion], *, progress: Meter | None = None) -> None:
        """Write versions into one file.

        Raises:
            UserError: FileExists, StoreDamaged, StoreFull.
        """
        named = [(self._whole(version), version) for version in versions]
        archive.write(self.layout, named, path, progress)

    def import_from(
        self,
        path: Path,
        *,
        name: str | None = None,
        only: type[AnyVersion] | None = None,
        progress: Meter | None = None,
    ) -> list[AnyVersion]:
        """Import the versions of a file, each as the next one of its name (or of `name`), unless the store has it.

        With `only`, a file with a version of another kind is refused.

        Raises:
            UserError: OtherKind, ArchiveInvalid, ArtifactUnsupported, NameMissing, ContentDamaged, StoreFull.
        """
        with self.models.records.writing(), _arriving(str(path)):
            return archive.read(self.layout, self._receiver, path, name, only, progress)

    def _whole(self, version: AnyVersion) -> Ref:
        """The version's reference, after its content has come from a shared store if it is not here."""
        records = self._records(version)
        records.fetch(version)
        return records.ref(version)

    def _records(self, version: AnyVersion) -> Records[Any]:
        if isinstance(version, ModelVersion):
            return self.models.records
        return self.environments.records if isinstance(version, EnvironmentVersion) else self.code.records


_CONTENT = (reasons.ARCHIVE_INVALID, reasons.ARTIFACT_UNSUPPORTED, reasons.CONTENT_DAMAGED, reasons.OTHER_KIND)


@contextmanager
def _arriving(source: str) -> Generator[None]:
    """A block whose errors name the source, and say that nothing of it stays."""
    try:
        yield
    except UserError as error:
        if error.reason not in _CONTENT:
            raise
        place = "" if source in str(error) else f"{source}: "
        raise UserError(error.reason, f"{place}{error}; nothing was taken in") from None
