"""The files of a commit whose folders were made to break who reads them."""

from __future__ import annotations

import pytest
from dulwich.objects import Blob, ObjectID, ShaFile, Tree
from dulwich.repo import MemoryRepo

from localmodel import reasons
from localmodel.addresses import repository_files
from localmodel.errors import UserError
from localmodel.reasons import Reason

FILE, FOLDER = b"100644", b"40000"


@pytest.fixture(name="repo")
def given_repo() -> MemoryRepo:
    return MemoryRepo()


def kept(repo: MemoryRepo, item: ShaFile) -> ObjectID:
    repo.object_store.add_object(item)
    return item.id


def file(repo: MemoryRepo) -> ObjectID:
    return kept(repo, Blob.from_string(b"words"))


def tree(repo: MemoryRepo, *entries: tuple[bytes, bytes, ObjectID]) -> ObjectID:
    content = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(sha.decode())) for mode, name, sha in entries)
    return kept(repo, Tree.from_string(content))


def refused(repo: MemoryRepo, root: ObjectID, reason: Reason, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        dict(repository_files.below(repo, root, "", "https://git.example/a.git"))
    assert caught.value.reason == reason and len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "name", [b"", b".", b"..", b"../up", b"a/b", b"/etc", b"x" * 256, b"line\nbreak", b"caf\xe9", b"score.py"]
)
def test_names_that_no_file_can_have(repo: MemoryRepo, name: bytes) -> None:
    for mode, item in ((FILE, file(repo)), (FOLDER, tree(repo, (FILE, b"a", file(repo))))):
        root = tree(repo, (FILE, b"score.py", file(repo)), (mode, name, item))
        refused(repo, root, reasons.SOURCE_INVALID, "name a folder without it as path")


def test_folders_in_folders(repo: MemoryRepo) -> None:
    deep = tree(repo, (FILE, b"score.py", file(repo)))
    for _ in range(2000):
        deep = tree(repo, (FOLDER, b"d", deep))
    refused(repo, deep, reasons.SOURCE_INVALID, "has too long a name")


def test_folders_that_are_many_folders(repo: MemoryRepo) -> None:
    for inner in (tree(repo), tree(repo, (FILE, b"score.py", file(repo)))):
        wide = inner
        for _ in range(9):
            wide = tree(repo, *((FOLDER, b"%d" % number, wide) for number in range(10)))
        refused(repo, wide, reasons.SOURCE_TOO_LARGE, "10,000 files")


def test_one_large_file_under_many_names(repo: MemoryRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_files, "LARGEST", 100)
    root = tree(repo, *((FILE, b"%03d" % number, file(repo)) for number in range(100)))
    refused(repo, root, reasons.SOURCE_TOO_LARGE, "with 020")
