"""One file carries versions to a machine that no network reaches."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from oras.layout import Layout as OtherLayout

from localmodel.errors import UserError
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion, ModelVersion, Store


@pytest.fixture
def here(tmp_path: Path) -> Store:
    store = Store(tmp_path / "here" / "store")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "1.bin").write_text("weights")
    store.models.register("net", tmp_path / "net", tags={"area": "diabetes"})
    store.models.register("net", tmp_path / "net", tags={"area": "age"})
    store.environments.register("project", EnvironmentSpec("3.11", ("numpy",)), {"LEVEL": "info"})
    store.code.register("score", {"score.py": b"def run(): ..."}, "score.py")
    return store


@pytest.fixture
def there(tmp_path: Path) -> Store:
    return Store(tmp_path / "there" / "store")


@pytest.fixture
def file(here: Store, tmp_path: Path) -> Path:
    path = tmp_path / "models.tar"
    everything = [*here.models.list(), *here.environments.list(), *here.code.list()]
    here.export_to(path, everything)
    return path


Edit = Callable[[tarfile.TarInfo, bytes], tuple[tarfile.TarInfo, bytes] | None]


def edited(path: Path, edit: Edit, *added: tarfile.TarInfo) -> Path:
    """A copy of the file with every member as `edit` wants it."""
    copy = path.with_name("edited.tar")
    with tarfile.open(path) as source, tarfile.open(copy, "w") as target:
        for member in source:
            content = source.extractfile(member)
            if changed := edit(member, content.read() if content else b""):
                changed[0].size = len(changed[1])
                target.addfile(changed[0], io.BytesIO(changed[1]))
        for member in added:
            target.addfile(member)
    return copy


def test_everything_arrives_and_a_second_time_nothing_is_added(here: Store, there: Store, file: Path) -> None:
    for _ in range(2):
        arrived = there.import_from(file)
        assert arrived == [*here.models.list(), *here.environments.list(), *here.code.list()]
        assert there.models.list() == here.models.list()
    assert there.models.download("net", 1, file.parent / "out").joinpath("1.bin").read_text() == "weights"
    assert list(there.verify()) == []
    assert there.import_from(file, name="other")[0].name == "other"


def test_progress_of_both_ends_at_the_whole(here: Store, there: Store, tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(bytes(5 << 20))
    model = here.models.register("big", tmp_path / "big.bin")
    told: list[tuple[int, int]] = []
    here.export_to(tmp_path / "big.tar", [model], progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told) and told[-1][0] == told[-1][1] > 5 << 20
    told.clear()
    there.import_from(tmp_path / "big.tar", progress=lambda done, total: told.append((done, total)))
    assert told == sorted(told) and told[-1][0] > 5 << 20


def test_another_tool_reads_the_file(file: Path, tmp_path: Path, here: Store) -> None:
    with tarfile.open(file) as archive:
        archive.extractall(tmp_path / "layout", filter="data")
    other = OtherLayout(str(tmp_path / "layout"), validate=True)
    model = here.models.get("net", 2)
    assert {model.digest, model.weights.digest} <= set(other.get_ordered_blobs("models/net/2"))
    assert len(other.get_ordered_blobs("environments/project/1.record")) == 3


def test_equal_versions_make_equal_files(here: Store, file: Path, tmp_path: Path) -> None:
    here.export_to(tmp_path / "again.tar", [*here.models.list(), *here.environments.list(), *here.code.list()])
    assert (tmp_path / "again.tar").read_bytes() == file.read_bytes()
    with pytest.raises(UserError) as exists:
        here.export_to(file, here.models.list())
    assert exists.value.reason == "FileExists"


def test_a_file_without_records_is_taken_in_by_the_manifests_names(there: Store, file: Path) -> None:
    def without(member: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
        if member.name == "index.json":
            index = json.loads(content)
            names = "org.opencontainers.image.ref.name"
            kept = [each for each in index["manifests"] if each["annotations"][names] == "models/net/1"]
            return member, json.dumps({**index, "manifests": kept}).encode()
        return member, content

    (arrived,) = there.import_from(edited(file, without))
    assert (arrived.name, there.models.get("net").tags) == ("net", {})


def damaged(member: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return member, content.replace(b"weights", b"WEIGHTS")


def lacking(member: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes] | None:
    return None if b"weights" in content and b"1.bin" in content else (member, content)


def without_index(member: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes] | None:
    return None if member.name == "index.json" else (member, content)


def leading_out(member: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member.name = member.name.replace("oci-layout", "../../oci-layout")
    return member, content


def absolute(member: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member.name = member.name.replace("oci-layout", "/tmp/oci-layout")
    return member, content


def foreign(member: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return member, content.replace(b"vnd.cncf.model.weight.v1.tar", b"vnd.cncf.model.weight.v1.raw")


def pointing_out(member: tarfile.TarInfo, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return member, content.replace(b"sha256:", b"sha256:../../") if member.name == "index.json" else content


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (pointing_out, "ArchiveInvalid"),
        (damaged, "ContentDamaged"),
        (lacking, "ContentDamaged"),
        (foreign, "ContentDamaged"),
        (without_index, "ArchiveInvalid"),
        (leading_out, "ArchiveInvalid"),
        (absolute, "ArchiveInvalid"),
    ],
)
def test_a_file_that_is_not_whole_leaves_nothing_to_be_seen(there: Store, file: Path, edit: Edit, reason: str) -> None:
    with pytest.raises(UserError) as refused:
        there.import_from(edited(file, edit))
    assert refused.value.reason == reason
    assert (there.models.list(), there.environments.list(), there.code.list()) == ([], [], [])
    there.collect_garbage()
    assert there.layout.blobs() == []
    assert not (there.root.parent / "oci-layout").exists()


def test_links_in_a_file_are_refused(there: Store, file: Path) -> None:
    link = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(UserError, match="is neither a file nor a folder; nothing was taken in"):
        there.import_from(edited(file, lambda member, content: (member, content), link))
    assert there.models.list() == []


def test_a_file_of_another_kind_is_refused_and_nothing_of_it_stays(here: Store, there: Store, tmp_path: Path) -> None:
    here.export_to(tmp_path / "net.tar", [here.models.find("net")])
    with pytest.raises(
        UserError, match=r"net\.tar: this is a model \(lmd model\), not an environment .* taken in"
    ) as caught:
        there.import_from(tmp_path / "net.tar", only=EnvironmentVersion)
    assert caught.value.reason == "OtherKind" and there.models.list() == []
    assert len(there.import_from(tmp_path / "net.tar", only=ModelVersion)) == 1


def test_any_other_file_is_named(there: Store, tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_text("weights")
    (tmp_path / "empty.tar").write_bytes(bytes(10240))
    for path in (tmp_path / "m.pkl", tmp_path / "empty.tar", tmp_path / "missing.tar"):
        with pytest.raises(UserError, match=path.name) as invalid:
            there.import_from(path)
        assert invalid.value.reason == "ArchiveInvalid"
