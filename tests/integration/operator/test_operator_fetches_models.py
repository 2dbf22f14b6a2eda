"""The program that fetches a model or a source folder for the operator, as the operator runs it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support import git_server, given
from support.web_server import CONTENT, Answer, Web, serving

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.store import Store
from localmodel_operator.inputs import fetches
from localmodel_operator.inputs.fetch import Request
from localmodel_operator.inputs.fetches import in_a_process

PIN = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[Web]:
    with serving() as server:
        server.answers = [Answer()]
        yield server


def request(folder: Path, uri: str, **credentials: str) -> Request:
    return Request(str(folder / "store"), "churn", uri, "", credentials)


def wait_until_asked(server: Web) -> None:
    while not server.asked:
        time.sleep(0.05)


async def refused(request: Request) -> UserError:
    with pytest.raises(UserError) as caught:
        await in_a_process(request, lambda done, total: None)
    return caught.value


async def test_it_fetches_with_the_credentials_of_a_secret_and_with_no_others(
    server: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login operator password hidden\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    uri = f"{server.url}/churn.pkl#sha256={PIN}"
    shown: list[tuple[int, int]] = []
    assert await in_a_process(request(tmp_path, uri), lambda done, total: shown.append((done, total))) == 1
    assert shown and "Authorization" not in server.asked[0]
    (version,) = Store(tmp_path / "store").models.list()
    assert version.properties["address"] == f"{server.url}/churn.pkl"

    server.answers = [Answer(401, b"")]
    other = f"{server.url}/other.pkl#sha256={'0' * 64}"
    error = await refused(request(tmp_path, other, username="me", password="s3cret"))
    assert error.reason == reasons.ADDRESS_REFUSED and "s3cret" not in str(error)
    assert server.asked[-1]["Authorization"] == f"Basic {base64.b64encode(b'me:s3cret').decode()}"


async def test_what_the_operators_machine_serves_to_itself_is_not_read(server: Web, tmp_path: Path) -> None:
    assert (await refused(request(tmp_path, f"{server.url}/churn.pkl"))).reason == reasons.ADDRESS_INVALID
    assert (await refused(request(tmp_path, f"file://{tmp_path}/churn.pkl"))).reason == reasons.ADDRESS_INVALID
    assert server.asked == []


async def test_an_edit_ends_it_and_nothing_stays(server: Web, tmp_path: Path) -> None:
    server.answers = [Answer(503, b"", {"Retry-After": "30"})]  # it waits to be asked again
    fetch = asyncio.create_task(in_a_process(request(tmp_path, f"{server.url}/churn.pkl#sha256={PIN}"), print))
    await asyncio.to_thread(wait_until_asked, server)
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch
    assert [path for path in (tmp_path / "store" / "incoming").iterdir() if path.is_dir()] == []


async def test_a_source_folder_comes_with_a_token_alone_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with git_server.serving(tmp_path / "repository") as server:
        commit = server.commit({"score.py": given.script("first")})
        source = Request(
            str(tmp_path / "store"), "scoring", server.url, "", {"password": "t0ken"}, commit, "", "score.py"
        )
        assert await in_a_process(source, lambda done, total: None) == 1
        assert {*server.signed} == {f"Basic {base64.b64encode(b'git:t0ken').decode()}"}

        ended = threading.Event()
        server.instead = lambda path: ended.wait() and None
        monkeypatch.setattr(fetches, "_LONGEST_SOURCE", 0.5)
        error = await refused(replace(source, ref="1" * 40))
        ended.set()
    assert error.reason == reasons.ADDRESS_UNREACHABLE and "did not come" in str(error)
