"""Models in the store: numbered, immutable, named by their content."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localmodel.errors import UserError
from localmodel.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def file(folder: Path, content: str = "weights", name: str = "model.pkl") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def reason(error: pytest.ExceptionInfo[UserError]) -> str:
    return error.value.reason


def test_versions_are_counted_from_one(store: Store, tmp_path: Path) -> None:
    assert store.models.register("m", file(tmp_path, "1")).version == 1
    assert store.models.register("m", file(tmp_path, "2")).version == 2
    assert store.models.register("other", file(tmp_path, "2")).version == 1
    assert [(model.name, model.version) for model in store.models.list()] == [("m", 1), ("m", 2), ("other", 1)]


def test_a_name_that_differs_only_in_case_is_refused(store: Store, tmp_path: Path) -> None:
    store.models.register("Iris", file(tmp_path, "1"))
    with pytest.raises(UserError, match="'iris' differs only in case from 'Iris'") as caught:
        store.models.register("iris", file(tmp_path, "2"))
    assert reason(caught) == "ModelNameInvalid"
    assert store.models.register("Iris", file(tmp_path, "2")).version == 2
    assert [model.name for model in store.models.list()] == ["Iris", "Iris"]


def test_the_last_versions_content_makes_no_new_version(store: Store, tmp_path: Path) -> None:
    first = store.models.register("m", file(tmp_path, "1"))
    assert store.models.register("m", file(tmp_path, "1")) == first
    store.models.register("m", file(tmp_path, "2"))
    assert store.models.register("m", file(tmp_path, "1")).version == 3


def test_equal_content_has_the_same_digest_wherever_and_whenever(tmp_path: Path) -> None:
    one = Store(tmp_path / "a").models.register("m", file(tmp_path / "x"))
    two = Store(tmp_path / "b").models.register("m", file(tmp_path / "y"))
    assert one.digest == two.digest


def test_a_folder_is_a_model(store: Store, tmp_path: Path) -> None:
    file(tmp_path / "net", name="a/b.bin")
    version = store.models.register("net", tmp_path / "net")
    assert store.models.get("net", 1) == version


def test_what_cannot_be_registered_is_named(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file") as missing:
        store.models.register("m", tmp_path / "nothing.pkl")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no file") as empty:
        store.models.register("m", tmp_path / "empty")
    with pytest.raises(UserError, match="letters, digits") as name:
        store.models.register("../m", file(tmp_path))
    assert [reason(missing), reason(empty), reason(name)] == [
        "ModelFileMissing",
        "ModelFileMissing",
        "ModelNameInvalid",
    ]


def test_what_is_not_there_is_named_with_what_is(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError) as no_store:
        store.models.get("m", 1)
    store.models.register("m", file(tmp_path))
    with pytest.raises(UserError, match="its versions: 1") as no_version:
        store.models.get("m", 2)
    with pytest.raises(UserError, match="registered are: m") as no_model:
        store.models.get("n", 1)
    assert [reason(no_store), reason(no_version), reason(no_model)] == [
        "StoreMissing",
        "VersionNotFound",
        "ModelNotFound",
    ]


def test_lost_content_is_noticed_and_comes_back_with_the_file(store: Store, tmp_path: Path) -> None:
    version = store.models.register("m", file(tmp_path))
    shutil.rmtree(store.root / "blobs")
    with pytest.raises(UserError) as damaged:
        store.models.get("m", 1)
    assert reason(damaged) == "ModelDamaged"
    assert store.models.register("m", file(tmp_path)) == version == store.models.get("m", 1)


def test_registering_at_the_same_time_loses_no_version(store: Store, tmp_path: Path) -> None:
    paths = [file(tmp_path / str(index), str(index)) for index in range(12)]
    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(lambda path: store.models.register("m", path), paths))
    assert sorted(version.version for version in versions) == list(range(1, 13))
    assert len({version.digest for version in store.models.list()}) == 12


def test_a_file_that_cannot_be_read_to_its_end_leaves_no_version(store: Store, tmp_path: Path) -> None:
    store.models.register("m", file(tmp_path, "1"))
    (tmp_path / "net").mkdir()
    file(tmp_path / "net", name="good.bin")
    (tmp_path / "net" / "self").symlink_to("/proc/self/mem")
    with pytest.raises(OSError):
        store.models.register("m", tmp_path / "net")
    assert store.models.versions("m") == [1]
    assert list((store.root / "incoming").iterdir()) == []
