"""Source folders of a real Git repository, fetched from git's own server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support import git_server
from support.git_server import PASSWORD, USER, GitServer

from localmodel import reasons
from localmodel.addresses import repository, repository_files
from localmodel.addresses.repository import Checkout, Folder
from localmodel.disk.executable import Executable
from localmodel.errors import UserError
from localmodel.reasons import Reason
from localmodel.resource.spec import GitRef
from localmodel.store import Store
from localmodel.store.fetched import from_git

FILES = {"score.py": "one", "pkg/__init__.py": "", "pkg/deep/words.txt": "w", "run.sh": "#!/bin/sh\n"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with git_server.serving(tmp_path / "repository") as server:
        yield server


def read(server: GitServer, **fields: Any) -> Checkout:
    return repository.read(Folder(**{"url": server.url, **fields}))


def refused(server: GitServer, reason: Reason, *words: str, **fields: Any) -> None:
    with pytest.raises(UserError) as caught:
        read(server, **fields)
    assert caught.value.reason == reason
    for word in words:
        assert word in str(caught.value)
    assert PASSWORD not in str(caught.value)


def texts(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: content.decode() for name, content in files.items()}


def test_what_a_branch_a_tag_and_a_commit_lead_to(server: GitServer) -> None:
    first = server.commit(FILES)
    server.git("tag", "v1")
    second = server.commit({"score.py": "two", "run.sh": None})
    server.git("tag", "--annotate", "v2", "--message", "two")
    server.git("branch", "feature/a", first)
    assert texts(read(server).files) == {"score.py": "two", "pkg/__init__.py": "", "pkg/deep/words.txt": "w"}
    for ref, commit in (("", second), ("main", second), ("v2", second), ("v1", first), ("feature/a", first)):
        assert read(server, ref=ref).commit == commit
    for ref, commit in (("HEAD", second), ("refs/heads/feature/a", first), ("refs/tags/v1", first)):
        assert read(server, ref=ref).commit == commit
    assert read(server, ref=first.upper()).commit == first
    assert texts(read(server, ref=first).files) == FILES
    assert texts(read(server, ref=first, path="pkg").files) == {"__init__.py": "", "deep/words.txt": "w"}
    assert texts(read(server, path="pkg/deep").files) == {"words.txt": "w"}


def test_programs_stay_programs(server: GitServer) -> None:
    server.commit(FILES)
    (server.folder / "run.sh").chmod(0o755)
    server.commit({"score.py": "two"})
    files = read(server).files
    assert isinstance(files["run.sh"], Executable) and not isinstance(files["score.py"], Executable)


def test_what_is_not_there(server: GitServer) -> None:
    refused(server, reasons.ADDRESS_NOT_FOUND, "has no commit yet")
    server.commit(FILES)
    refused(server, reasons.ADDRESS_NOT_FOUND, "no branch, tag or commit v7", ref="v7")
    refused(server, reasons.ADDRESS_UNREACHABLE, "may mean that it has no such commit", ref="1" * 40)
    for path in ("nothing", "score.py", "pkg/nothing"):
        refused(server, reasons.ADDRESS_NOT_FOUND, f"the commit has no folder {path}", path=path)
    refused(server, reasons.ADDRESS_NOT_FOUND, "there is no Git repository", url=server.url.replace("scoring", "x"))
    refused(server, reasons.ADDRESS_UNREACHABLE, "no Git server answers", url="http://127.0.0.1:1/a.git")


def test_who_asks(server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.commit(FILES)
    server.login = True
    refused(server, reasons.ADDRESS_REFUSED, "~/.netrc")
    refused(server, reasons.ADDRESS_REFUSED, login=(USER, "wrong"))
    assert read(server, login=(USER, PASSWORD)).files
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert read(server).files
    broken = server.url.replace("//", f"//{USER}:{PASSWORD}@").replace("scoring", "x")
    refused(server, reasons.ADDRESS_NOT_FOUND, url=broken)


@pytest.mark.parametrize(
    "url", ["ssh://git@host/a.git", "file:///srv/a.git", "http://[/", "https://", "git@host:a.git"]
)
def test_what_is_no_address(server: GitServer, url: str) -> None:
    refused(server, reasons.ADDRESS_INVALID, "write https://HOST/PATH", url=url)


def test_over_plain_http_only_a_commit_means_what_it_says(server: GitServer) -> None:
    commit = server.commit(FILES)
    refused(server, reasons.ADDRESS_INVALID, "others can change what comes over plain http", foreign=True)
    refused(server, reasons.ADDRESS_INVALID, "plain http", url="http://host.example/a.git")
    assert read(server, foreign=True, ref=commit).files


def test_links_are_not_followed(server: GitServer) -> None:
    server.commit(FILES)
    (server.folder / "other").symlink_to("/etc/hostname")
    server.commit({"score.py": "two"})
    refused(server, reasons.SOURCE_INVALID, "'other' is neither file nor folder")
    assert read(server, path="pkg").files


def test_a_model_in_a_repository_is_no_code(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_files, "LARGEST", 1 << 20)
    server.commit({**FILES, "data/model.bin": "x" * (2 << 20)})
    for allowed in ("true", "false"):  # whether the server leaves it out
        server.git("config", "uploadpack.allowFilter", allowed)
        refused(server, reasons.SOURCE_TOO_LARGE, "data/model.bin")
    assert read(server, path="pkg").files


def test_the_store_has_a_commit_once(server: GitServer, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first = server.commit(FILES)
    version = from_git.fetch(store, GitRef(server.url), "score.py")
    assert (version.version, version.commit) == (1, first) and version.name.startswith("scoring-")
    assert texts(store.code.files(version)) == FILES
    asked = len(server.asked)
    assert from_git.fetch(store, GitRef(server.url, first), "score.py") == version and len(server.asked) == asked
    assert from_git.fetch(store, GitRef(server.url), "score.py") == version and len(server.asked) > asked
    second = server.commit({"README": "words"})
    changed = from_git.fetch(store, GitRef(server.url, "main"), "score.py")
    assert (changed.version, changed.commit) == (2, second)
    assert from_git.fetch(store, GitRef(server.url, path="pkg"), "deep.py").name != version.name
