"""Models from a web server that cuts connections, changes its files, is busy, and refuses."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.lmd_command import Lmd
from support.web_server import CONTENT, Answer, Web, serving

from localmodel import reasons
from localmodel.addresses import arrival, web
from localmodel.errors import UserError
from localmodel.store import ModelVersion, Store

OTHER = os.urandom(3_000_000)
PIN = hashlib.sha256(CONTENT).hexdigest()
CUT = 1_500_000


@pytest.fixture
def server() -> Iterator[Web]:
    with serving() as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a download waits, which pass at once."""
    waits: list[float] = []
    monkeypatch.setattr(web.time, "sleep", waits.append)
    return waits


def content(store: Store, version: ModelVersion, folder: Path) -> bytes:
    return store.models.download(version.name, version.version, folder).read_bytes()


def refused(store: Store, url: str) -> UserError:
    """The error, after which nothing of the model is left, and which says no secret."""
    with pytest.raises(UserError) as caught:
        store.models.import_(url)
    assert store.models.list() == []
    assert [path for path in store.root.rglob("*") if path.is_file() and path.stat().st_size > 1000] == []
    assert "secret" not in str(caught.value)
    return caught.value


def test_a_file_becomes_a_model_once(server: Web, store: Store, tmp_path: Path) -> None:
    server.answers = [Answer()]
    seen: list[tuple[int, int]] = []
    first = store.models.import_(
        f"{server.url}/models/churn.pkl", progress=lambda done, total: seen.append((done, total))
    )
    again = store.models.import_(f"{server.url}/models/churn.pkl#sha256={PIN}")
    assert (first.name, first.version, again.version) == ("churn", 1, 1)
    assert content(store, first, tmp_path) == CONTENT
    assert (len(CONTENT), len(CONTENT)) in seen


def test_a_download_that_is_cut_off_goes_on_where_it_was(server: Web, store: Store, tmp_path: Path) -> None:
    server.answers = [Answer(sent=CUT), Answer(206)]
    version = store.models.import_(f"{server.url}/churn.pkl#sha256={PIN}")
    assert server.ranges() == [None, f"bytes={CUT}-"]
    assert server.asked[1]["If-Range"] == '"1"'
    assert content(store, version, tmp_path) == CONTENT


def test_a_file_that_has_changed_meanwhile_comes_whole(server: Web, store: Store, tmp_path: Path) -> None:
    server.answers = [Answer(sent=CUT), Answer(body=OTHER, headers={"ETag": '"2"'})]
    assert content(store, store.models.import_(f"{server.url}/churn.pkl"), tmp_path) == OTHER


def test_a_rest_of_another_file_is_not_joined_to_the_start(server: Web, store: Store, tmp_path: Path) -> None:
    server.answers = [Answer(sent=CUT), Answer(206, OTHER, {"ETag": '"2"'}), Answer(body=OTHER)]
    assert content(store, store.models.import_(f"{server.url}/churn.pkl"), tmp_path) == OTHER
    assert server.ranges()[2] is None


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"1"'}])
def test_without_a_strong_etag_a_download_starts_again(
    server: Web, store: Store, tmp_path: Path, headers: dict[str, str]
) -> None:
    server.answers = [Answer(headers=headers, sent=CUT), Answer(headers=headers)]
    assert content(store, store.models.import_(f"{server.url}/churn.pkl"), tmp_path) == CONTENT
    assert server.ranges() == [None, None]


def test_a_server_that_never_sends_the_whole_file_is_given_up(server: Web, store: Store) -> None:
    server.answers = [Answer(headers={}, length=len(CONTENT) + 7)]
    error = refused(store, f"{server.url}/churn.pkl?sig=secret")
    assert error.reason == reasons.ADDRESS_UNREACHABLE
    assert "churn.pkl: the connection ended after 3,000,000 of 3,000,007 bytes" in str(error)


def test_another_file_than_the_one_that_is_named_is_refused(server: Web, store: Store) -> None:
    server.answers = [Answer(body=OTHER)]
    error = refused(store, f"{server.url}/churn.pkl#sha256={PIN}")
    assert error.reason == reasons.DIGEST_MISMATCH
    assert PIN in str(error)
    assert hashlib.sha256(OTHER).hexdigest() in str(error)


def test_a_busy_server_is_left_alone_as_long_as_it_asks(server: Web, store: Store, waits: list[float]) -> None:
    server.answers = [Answer(429, b"", {"Retry-After": "7"}), Answer(503, b"", {"Retry-After": "nonsense"}), Answer()]
    assert store.models.import_(f"{server.url}/churn.pkl").version == 1
    assert waits[0] == 7
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (Answer(401, b""), reasons.ADDRESS_REFUSED, "status 401.*netrc"),
        (Answer(403, b""), reasons.ADDRESS_REFUSED, "status 403"),
        (Answer(404, b""), reasons.ADDRESS_NOT_FOUND, "there is nothing"),
        (Answer(429, b"", {"Retry-After": "3600"}), reasons.ADDRESS_REFUSED, "429.*asked again in 3600 s"),
        (Answer(500, b""), reasons.ADDRESS_UNREACHABLE, "status 500"),
        (
            Answer(302, b"", {"Location": "http://models.example/a?sig=secret"}),
            reasons.ADDRESS_REFUSED,
            "redirects to another place",
        ),
        (Answer(302, b"", {"Location": "file:///etc/passwd"}), reasons.ADDRESS_REFUSED, "redirects to another place"),
        (Answer(302, b"", {"Location": "https://models.example:none/"}), reasons.ADDRESS_REFUSED, "what is no address"),
        (Answer(302, b"", {"Location": "/again?sig=secret"}), reasons.ADDRESS_REFUSED, "more than 10 redirects"),
        (Answer(headers={"Content-Type": "text/html; charset=utf-8"}), reasons.ADDRESS_REFUSED, "a web page"),
    ],
)
def test_what_does_not_give_the_file_is_one_sentence(
    server: Web, store: Store, answer: Answer, reason: str, words: str
) -> None:
    server.answers = [answer]
    error = refused(store, f"{server.url}/churn.pkl?sig=secret")
    assert error.reason == reason
    assert re.search(words, str(error)), str(error)
    assert f"{server.url}/churn.pkl: " in str(error)


def test_the_password_in_an_address_goes_to_its_server_and_to_no_other(server: Web, store: Store) -> None:
    server.answers = [
        Answer(302, b"", {"Location": "/here/churn.pkl"}),
        Answer(302, b"", {"Location": server.url.replace("127.0.0.1", "localhost") + "/there/churn.pkl"}),
        Answer(),
    ]
    store.models.import_(server.url.replace("//", "//me:secret@") + "/churn.pkl")
    assert [(asked["path"], "Authorization" in asked) for asked in server.asked] == [
        ("/churn.pkl", True),
        ("/here/churn.pkl", True),
        ("/there/churn.pkl", False),
    ]
    assert not any(b"secret" in path.read_bytes() for path in store.root.rglob("*") if path.is_file())


def test_a_model_that_the_disk_has_no_room_for_is_refused_before_it_comes(
    server: Web, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrival.files, "free", lambda folder: len(CONTENT))
    server.answers = [Answer()]
    assert refused(store, f"{server.url}/churn.pkl").reason == reasons.STORE_FULL


def test_plain_http_from_elsewhere_needs_a_digest(store: Store) -> None:
    error = refused(store, "http://models.example/churn.pkl?sig=secret")
    assert error.reason == reasons.ADDRESS_INVALID
    assert "write https://, or add #sha256=" in str(error)


def test_nothing_answers(store: Store) -> None:
    assert refused(store, "http://127.0.0.1:1/churn.pkl?sig=secret").reason == reasons.ADDRESS_UNREACHABLE


def test_a_file_of_this_machine_is_checked_as_well(store: Store, tmp_path: Path) -> None:
    (tmp_path / "churn.pkl").write_bytes(CONTENT)
    error = refused(store, f"{(tmp_path / 'churn.pkl').as_uri()}#sha256={'0' * 64}")
    assert error.reason == reasons.DIGEST_MISMATCH
    assert refused(store, f"file://{tmp_path}/none.pkl").reason == reasons.ADDRESS_NOT_FOUND
    assert store.models.import_(f"{(tmp_path / 'churn.pkl').as_uri()}#sha256={PIN}").name == "churn"


def test_the_command_takes_an_address_where_it_takes_a_file(server: Web, lmd: Lmd) -> None:
    server.answers = [Answer()]
    assert lmd("model", "import", f"{server.url}/churn.pkl", "--name", "digits").out == "digits:1\n"
    assert lmd("model", "export", "digits", "digits.tar").code == 0
    assert lmd("model", "import", "digits.tar", "--name", "copy").out == "copy:1\n"
    failed = lmd("model", "import", f"{server.url}/churn.pkl?sig=secret#sha256={'0' * 64}")
    assert failed.code == 1
    assert failed.out == ""
    assert "the file has sha256=" in failed.err
    assert "secret" not in failed.err


@pytest.mark.parametrize(("scheme", "library"), [("hf", "huggingface-hub"), ("gs", "gcsfs")])
def test_a_library_that_is_missing_is_named(store: Store, scheme: str, library: str) -> None:
    error = refused(store, f"{scheme}://owner/model")
    assert error.reason == reasons.LIBRARY_MISSING
    assert f"pip install {library}" in str(error)
