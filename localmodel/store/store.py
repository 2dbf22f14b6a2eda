"""The store: a folder with the blobs of everything, and the records that name them."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.disk.home_errors import telling
from localmodel.errors import UserError
from localmodel.oci.layout import Layout, Meter
from localmodel.resource.spec import ModelRef
from localmodel.store import check
from localmodel.store.check import Problem
from localmodel.store.code import Code
from localmodel.store.environments import Environments, EnvironmentVersion
from localmodel.store.models import Models, ModelVersion
from localmodel.store.records import Records
from localmodel.store.sharing import archive
from localmodel.store.sharing.sharing import AnyVersion, Receiver


@telling
class Store:
    """Models, environments and code below a folder, which is created when it is first written to.

    Processes may share it: what is visible is whole, whoever writes or is killed meanwhile.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.layout = Layout(root)
        self.models = Models(self.layout)
        self.environments = Environments(self.layout)
        self.code = Code(self.layout)
        self._receiver = Receiver(self.layout, self.models, self.environments, self.code)
        self._registries = (self.models.records, self.environments.records, self.code.records)

    def select_models(self, wanted: Iterable[ModelRef]) -> tuple[ModelVersion, ...]:
        """The versions that a spec names.

        Raises:
            UserError: as Models.get(); the message names the field.
        """
        versions = []
        for index, model in enumerate(wanted):
            try:
                versions.append(self.models.get(model.name, model.version))
            except UserError as error:
                raise UserError(error.reason, f"spec.models[{index}]: {error}") from None
        return tuple(versions)

    def verify(self, version: AnyVersion | None = None, *, progress: Meter | None = None) -> Iterator[Problem]:
        """What is not as it was written, of one version or all: blobs are hashed, what records name is looked up.

        `progress` is told bytes done and bytes in all.
        """
        if version is not None:
            return check.verify(self.layout, self._records(version).ref(version), progress)
        return check.verify_all(self.layout, self._registries, progress)

    def collect_garbage(self) -> int:
        """Remove what nothing names: contents of deleted versions, leftovers of killed writers. Returns bytes freed.

        Safe beside processes that write: they wait for one another.

        Raises:
            UserError: StateDamaged, StateNewer, StoreDamaged; nothing is removed then.
        """
        return check.collect_garbage(self.layout, self._registries)

    def push(
        self, version: AnyVersion, reference: str, *, insecure: bool = False, progress: Meter | None = None
    ) -> str:
        """Send a version to `host/repository:tag` of an OCI registry; returns the digest that names it there.

        Its record goes along under the tag with `.record` behind it. HTTPS, or plain HTTP to this machine and where
        `insecure`; credentials are Docker's.

        Raises:
            UserError: ReferenceInvalid, RegistryUnreachable, RegistryRefused, StoreDamaged.
        """
        from localmodel.store.sharing import (  # its HTTP client takes longer to import than all the rest
            remote,
            transfer,
        )

        with remote.Remote(reference, insecure) as place:
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
        """Fetch a version from a registry, as the next of its name (or of `name`) unless it is here already.

        `only`: what else it is, is refused.

        Raises:
            UserError: as push(); OtherKind, ArtifactNotFound, ArtifactUnsupported, ArchiveInvalid, NameMissing,
                ContentDamaged, StoreFull; the name is invalid.
        """
        from localmodel.store.sharing import remote, transfer

        with self.models.records.writing(), _arriving(reference), remote.Remote(reference, insecure) as place:
            return transfer.pull(self.layout, self._receiver, place, name, only, progress)

    def export_to(self, path: Path, versions: Iterable[AnyVersion], *, progress: Meter | None = None) -> None:
        """Write versions into one file.

        Raises:
            UserError: FileExists, StoreDamaged, StoreFull.
        """
        named = [(self._records(version).ref(version), version) for version in versions]
        archive.write(self.layout, named, path, progress)

    def import_from(
        self,
        path: Path,
        *,
        name: str | None = None,
        only: type[AnyVersion] | None = None,
        progress: Meter | None = None,
    ) -> list[AnyVersion]:
        """Take in the versions of a file, each as the next of its name (or of `name`) unless it is here already.

        `only`: a file that holds something else is refused.

        Raises:
            UserError: OtherKind, ArchiveInvalid, ArtifactUnsupported, NameMissing, ContentDamaged, StoreFull.
        """
        with self.models.records.writing(), _arriving(str(path)):
            return archive.read(self.layout, self._receiver, path, name, only, progress)

    def _records(self, version: AnyVersion) -> Records[Any]:
        if isinstance(version, ModelVersion):
            return self.models.records
        return self.environments.records if isinstance(version, EnvironmentVersion) else self.code.records


_CONTENT = (reasons.ARCHIVE_INVALID, reasons.ARTIFACT_UNSUPPORTED, reasons.CONTENT_DAMAGED, reasons.OTHER_KIND)


@contextmanager
def _arriving(source: str) -> Generator[None]:
    """An error about what is taken in says where it came from, and that nothing of it stays."""
    try:
        yield
    except UserError as error:
        if error.reason not in _CONTENT:
            raise
        place = "" if source in str(error) else f"{source}: "
        raise UserError(error.reason, f"{place}{error}; nothing was taken in") from None
