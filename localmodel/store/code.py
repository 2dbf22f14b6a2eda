"""The store's code: source folders with their entry scripts, named and numbered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from localmodel import reasons
from localmodel.disk import state_file
from localmodel.disk.home_errors import telling
from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Layout
from localmodel.store import artifacts
from localmodel.store.origin import Origin
from localmodel.store.records import RecordKind, Records
from localmodel_untrusted import json_text


@dataclass(frozen=True)
class CodeVersion:
    """A registered source folder.

    Attributes:
        name: the name that it is kept under.
        version: its number.
        digest: the digest of its manifest.
        entry: the entry script's path in it.
        created: a time in ISO 8601.
        repository: where it was fetched from: the repository's address and the folder in it; or "".
        commit: the commit, or "".
    """

    name: str
    version: int
    digest: str
    entry: str
    created: str
    repository: str = ""
    commit: str = ""


KIND = RecordKind(
    artifacts.CODE,
    "code",
    "code",
    reasons.CODE_NAME_INVALID,
    reasons.CODE_NOT_FOUND,
    CodeVersion,
    "Deploying with a script registers it",
    lambda left, right: (left.digest, left.repository, left.commit) == (right.digest, right.repository, right.commit),
)


@telling
class Code:
    """The store's code.

    Every method that reads may raise a `UserError`: StoreMissing, CodeNotFound, VersionNotFound.
    """

    def __init__(self, layout: Layout, origin: Origin | None = None) -> None:
        self._layout = layout
        self.records = Records(layout, KIND, origin)

    def register(
        self, name: str, files: Mapping[str, bytes], entry: str, repository: str = "", commit: str = ""
    ) -> CodeVersion:
        """Keep the files (path -> content) as the name's next version, or return the latest if it is the same.

        repository, commit: see `CodeVersion`.

        Raises:
            UserError: CodeNameInvalid, StoreFull.
        """
        self.records.check_name(name)
        with self.records.writing():
            tar = self._layout.write(layers.tar(layers.Entry(path, content) for path, content in files.items()))
            manifest = artifacts.code(self._layout, entry, tar)
            created = datetime.now(UTC).isoformat(timespec="seconds")
            return self.records.keep(CodeVersion(name, 0, manifest.digest, entry, created, repository, commit))

    def get(self, name: str, version: int | None = None) -> CodeVersion:
        """This version of the code, by default the latest."""
        return self.records.get(name, version)

    def versions(self, name: str) -> list[int]:
        """The numbers of the code's versions, ascending."""
        return self.records.numbers(name)

    def list(self, name: str | None = None, latest: bool = False) -> list[CodeVersion]:
        """Every version, sorted by name and number; of one name, or only the latest of each."""
        return self.records.list(name, latest, state_file.skip)

    def files(self, code: CodeVersion) -> dict[str, bytes]:
        """The files of the version, path -> content.

        Raises:
            UserError: CodeDamaged.
        """
        self.records.fetch(code)
        try:
            _, files = artifacts.blobs(json_text.parse(self._layout.read(code.digest)))
            return layers.contents(self._layout.path(files.digest))
        except FileNotFoundError:
            why = "is missing from"
        except (ValueError, LookupError, TypeError, UserError) as error:
            why = f"is damaged ({error}) in"
        raise UserError(
            reasons.CODE_DAMAGED, f"code {code.name}:{code.version}: its content {why} the store at {self._layout.root}"
        )
