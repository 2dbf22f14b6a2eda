"""Repositories and servers that are broken, or made to break who reads them."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import git_server
from support.git_server import PASSWORD, USER, Answer, GitServer

from localmodel import reasons
from localmodel.addresses import repository, repository_pack, repository_server
from localmodel.addresses.repository import Folder
from localmodel.errors import UserError
from localmodel.reasons import Reason
from localmodel.resource.spec import GitRef
from localmodel.store import Store
from localmodel.store.fetched import from_git

REFS, PACK = ({"Content-Type": f"application/x-git-upload-pack-{kind}"} for kind in ("advertisement", "result"))
VERSION_2 = ["version 2\n", "ls-refs\n", "fetch=shallow filter\n", "packfile-uris=https\n", ""]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server.serving(tmp_path_factory.mktemp("git") / "repository") as server:
        server.commit({"score.py": "one"})
        yield server


@pytest.fixture(autouse=True)
def as_it_was(server: GitServer) -> Iterator[None]:
    good = server.git("rev-parse", "main")
    yield
    server.git("update-ref", "refs/heads/main", good)
    server.login, server.instead = False, lambda path: None
    server.asked.clear()
    server.signed.clear()


def refused(server: GitServer, reason: Reason, words: str, **fields: Any) -> str:
    with pytest.raises(UserError) as caught:
        repository.read(Folder(**{"url": server.url, **fields}))
    assert words in str(caught.value) and caught.value.reason == reason
    return str(caught.value)


def lines(*packets: str) -> bytes:
    """Packets as a server sends them; "" ends a list."""
    return b"".join(f"{len(text.encode()) + 4:04x}{text}".encode() if text else b"0000" for text in packets)


def test_what_objects_take_is_known_before_they_are_unpacked(
    server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository_pack, "_LARGEST", 1 << 20)
    server.git("config", "uploadpack.allowFilter", "false")
    server.commit({"zeros": "0" * (2 << 20)})
    refused(server, reasons.SOURCE_TOO_LARGE, "sends a file of 2 MiB")
    server.git("config", "uploadpack.allowFilter", "true")
    for size, fits in (((1 << 20) - 1, True), (1 << 30, False)):
        delta = varint(100) + varint(size) + b"\x90\x64"
        content = b"PACK" + struct.pack(">LL", 2, 2) + packed(3, bytes(100)) + packed(7, delta, bytes(20))
        (tmp_path / "pack").write_bytes(content + hashlib.sha1(content).digest())
        with (tmp_path / "pack").open("rb") as file:
            file.seek(0, io.SEEK_END)
            if fits:
                repository_pack.check(file, "shown")
                continue
            with pytest.raises(UserError, match="a file of 1024 MiB"):
                repository_pack.check(file, "shown")


def test_what_all_objects_take_together_is_known_too(tmp_path: Path) -> None:
    delta = varint(100) + varint(64 << 20) + b"\x90\x64"
    content = b"PACK" + struct.pack(">LL", 2, 66) + packed(3, bytes(100)) + packed(7, delta, bytes(20)) * 65
    (tmp_path / "pack").write_bytes(content + hashlib.sha1(content).digest())
    with (tmp_path / "pack").open("rb") as file:
        file.seek(0, io.SEEK_END)
        with pytest.raises(UserError, match="more than 4 GiB of files"):
            repository_pack.check(file, "shown")


def packed(kind: int, content: bytes, base: bytes = b"") -> bytes:
    """An object of a pack, less than 2 KiB of it."""
    return bytes([kind << 4 | len(content) & 15 | 128, len(content) >> 4]) + base + zlib.compress(content)


def varint(number: int) -> bytes:
    digits = [number >> shift & 127 for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(digit | 128 for digit in digits[:-1]), digits[-1]])


def test_a_server_that_never_ends(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_server, "_MOST_REFS", 1 << 20)
    server.instead = lambda path: (200, REFS, lines(*VERSION_2[:1], *["x" * 60000] * 20))
    refused(server, reasons.SOURCE_TOO_LARGE, "the server sends more than 1 MiB")
    server.instead = lambda path: (503, {"Retry-After": "3600"}, b"")
    server.asked.clear()
    refused(server, reasons.ADDRESS_UNREACHABLE, "answers with status 503")
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "place", ["https://127.0.0.1:1/scoring.git", "http://127.0.0.1:1/scoring.git", "http://localhost/x", "http://[/"]
)
def test_redirects_leave_neither_server_nor_scheme(server: GitServer, place: str) -> None:
    tail = "/info/refs?service=git-upload-pack"
    server.instead = lambda path: (302, {"Location": f"{place}{tail}"}, b"")
    refused(server, reasons.ADDRESS_REFUSED, "", login=(USER, PASSWORD))
    assert len(server.asked) == 1


def test_a_repository_that_has_moved_on_its_server(server: GitServer) -> None:
    old = server.url.replace("scoring.git", "old.git")

    def moved(path: str) -> Answer | None:
        return (301, {"Location": path.replace("old.git", "scoring.git")}, b"") if "old.git" in path else None

    server.instead = moved
    assert repository.read(Folder(old)).files
    server.instead = lambda path: (302, {"Location": path}, b"")
    refused(server, reasons.ADDRESS_REFUSED, "more than 5 redirects")


def test_packs_come_from_nowhere_else(server: GitServer) -> None:
    commit = "1" * 40
    elsewhere = f"{server.url.replace('http', 'https')}/pack sha1 {commit}"

    def answer(path: str) -> Answer:
        if "info/refs" in path:
            return 200, REFS, lines(*VERSION_2)
        if len(server.asked) == 2:
            return 200, PACK, lines(f"{commit} refs/heads/main\n", "")
        uris = lines("shallow-info\n") + b"0001" + lines("packfile-uris\n", f"{elsewhere}\n") + b"0001"
        return 200, PACK, uris + lines("packfile\n", "")

    server.instead = answer
    refused(server, reasons.ADDRESS_REFUSED, "to another place", ref="main")


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        ((200, {"Content-Type": "text/html"}, b"<html>Sign in"), reasons.ADDRESS_NOT_FOUND, "a web page"),
        ((200, {}, b""), reasons.ADDRESS_NOT_FOUND, "a web page or a file"),
        ((407, {}, b""), reasons.ADDRESS_REFUSED, "status 407"),
        ((403, {}, b""), reasons.ADDRESS_REFUSED, "status 403"),
        ((200, REFS, b"nonsense"), reasons.ADDRESS_UNREACHABLE, "as it should"),
        ((200, REFS, b""), reasons.ADDRESS_UNREACHABLE, ""),
    ],
)
def test_answers_of_no_git_server(server: GitServer, answer: Answer, reason: Reason, words: str) -> None:
    server.instead = lambda path: answer
    refused(server, reason, words)


def test_what_is_damaged(server: GitServer) -> None:
    object_cut = b"PACK" + struct.pack(">LL", 2, 1) + packed(3, bytes(100))[:-3] + bytes(20)
    nothing = b"PACK" + struct.pack(">LL", 2, 0)
    for pack in (object_cut, nothing + hashlib.sha1(nothing).digest(), b"", b"no pack"):
        server.instead = pack_of(server, b"\x01" + pack)
        refused(server, reasons.ADDRESS_UNREACHABLE, "damaged", ref="main")


class Panic(BaseException):
    """What compiled parts of a library end with."""


@pytest.mark.parametrize(
    ("end", "reason", "words"),
    [
        (MemoryError, reasons.SOURCE_TOO_LARGE, "more memory"),
        (Panic, reasons.ADDRESS_UNREACHABLE, "damaged"),
        (OSError(28, "No space left on device"), reasons.ADDRESS_UNREACHABLE, "files: No space left on device"),
    ],
)
def test_what_ends_the_library(
    server: GitServer, monkeypatch: pytest.MonkeyPatch, end: Any, reason: Reason, words: str
) -> None:
    def check(*_: object) -> None:
        raise end

    monkeypatch.setattr(repository_pack, "check", check)
    refused(server, reason, words)


def test_the_servers_own_words_are_few(server: GitServer) -> None:
    server.instead = pack_of(server, b"\x03\x1b[2J" + b"x" * 20000)
    text = refused(server, reasons.ADDRESS_UNREACHABLE, "[2Jxxx", ref="1" * 40)
    assert len(text) < 500 and text.isprintable()


def pack_of(server: GitServer, packet: bytes) -> Callable[[str], Answer | None]:
    """Answers that are git's, except the one with the pack, which is the third."""
    server.asked.clear()
    answer = 200, PACK, lines("packfile\n") + f"{len(packet) + 4:04x}".encode() + packet + b"0000"
    return lambda path: answer if len(server.asked) == 3 else None


@pytest.mark.parametrize(
    "url",
    [
        "https://me:pa#ss@host.example/a.git",
        "https://me:pa?ss@host.example/a.git",
        "https://me:pass@host.example:notaport/a.git",
        "https://me:pass@host.example:99999/a.git",
        "https://[/pass.git",
    ],
)
def test_no_part_of_a_broken_address_is_shown(tmp_path: Path, url: str) -> None:
    for ref in ("", "1" * 40):
        with pytest.raises(UserError, match="write https://HOST/PATH") as caught:
            from_git.fetch(Store(tmp_path), GitRef(url, ref), "score.py")
        assert caught.value.reason == reasons.ADDRESS_INVALID
        assert "pa" not in str(caught.value).replace("address", "").replace("PATH", "")


def test_passwords_are_kept_out_of_names() -> None:
    for url in (f"https://{USER}:{PASSWORD}@host.example", f"https://{PASSWORD}@host.example/"):
        assert PASSWORD not in from_git.name_of(GitRef(url)) and from_git.name_of(GitRef(url)).startswith(
            "host.example-"
        )


def test_logins_are_sent_as_they_are(server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    password = "пароль:#?"
    quoted = "%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C:%23%3F"
    assert repository.read(Folder(server.url.replace("//", f"//{USER}:{quoted}@"))).files
    assert repository.read(Folder(server.url, login=(USER, password))).files
    expected = f"Basic {base64.b64encode(f'{USER}:{password}'.encode()).decode()}"
    assert {*server.signed} == {expected}


def test_logins_need_tls(server: GitServer) -> None:
    words = "others can read a password"
    refused(
        server, reasons.ADDRESS_INVALID, words, url="http://host.example/a.git", ref="1" * 40, login=(USER, PASSWORD)
    )
    refused(server, reasons.ADDRESS_INVALID, words, url=f"http://{USER}:{PASSWORD}@host.example/a.git", ref="1" * 40)


def test_certificates_are_those_that_a_variable_names(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nothing/ca.pem")
    refused(server, reasons.ADDRESS_UNREACHABLE, "/nothing/ca.pem", url=server.url.replace("http:", "https:"))


@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_the_proxy_of_the_environment(server: GitServer, monkeypatch: pytest.MonkeyPatch, case: Any) -> None:
    monkeypatch.setenv(case("https_proxy"), server.url.rpartition("/")[0])
    server.instead = lambda path: (407, {}, b"")
    refused(server, reasons.ADDRESS_UNREACHABLE, "HTTPS_PROXY", url="https://git.example/a.git")
    monkeypatch.setenv(case("no_proxy"), "git.example")
    refused(server, reasons.ADDRESS_UNREACHABLE, "no Git server answers", url="https://git.example/a.git")
