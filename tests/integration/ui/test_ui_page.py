"""The page as a browser, and as somebody hostile, asks it: a real server process, and requests byte by byte."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import re
import stat
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import pytest
from support.lmd_command import PYTHON, Lmd, free_port

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
DIRECTION = "\u202e"  # what follows would be read from right to left
# Answers and prints what others wrote. The second edit of it is served first.
SCRIPT = f"""
import json

def init():
    print({HOSTILE!r})

def run(raw_data):
    if json.loads(raw_data) == "raise":
        raise ValueError({HOSTILE!r})
    return {{"revision": NUMBER, "text": {HOSTILE!r}}}
"""


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Page:
    """Asks a page on a port. `cookie` is what a browser has after it was opened with its address."""

    def __init__(self, address: str) -> None:
        self.port, self.token = urlsplit(address).port, urlsplit(address).query
        assert self.port
        self.origin = f"http://127.0.0.1:{self.port}"
        opened = self("GET", f"/?{self.token}", cookie="")
        assert opened.status == 303 and self.token not in opened.headers["location"]
        self.set_cookie = opened.headers["set-cookie"]
        self.cookie = self.set_cookie.partition(";")[0]

    def __call__(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            return self._ask(connection, method, path, body, headers)

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: str | bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = {"host": f"127.0.0.1:{self.port}", "cookie": getattr(self, "cookie", ""), **headers}
        for name, value in sent.items():
            if value:
                connection.putheader(name, value)
        content = body if isinstance(body, bytes) else (body or "").encode()
        connection.putheader("content-length", str(len(content)))
        connection.endheaders(content)
        with connection.getresponse() as answer:
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def get(self, path: str) -> Answer:
        return self("GET", path)

    def post(self, path: str, **form: str) -> Answer:
        return self("POST", path, urlencode(form), origin=self.origin)


@contextmanager
def page_of(lmd: Lmd, *options: str) -> Iterator[Page]:
    with lmd.running("ui", "--port", str(free_port()), *options) as running:
        running.says("Ctrl-C ends the page")
        yield Page(running.said().splitlines()[0])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[Lmd]:
    """A deployment with two revisions, and a store with models whose words are hostile."""
    command = Lmd(tmp_path_factory.mktemp("ui"))
    command.home.mkdir()
    (command.home / "environments").symlink_to(environments)
    for number in ("1", "2"):
        assert command.apply(SCRIPT.replace("NUMBER", number)).code == 0
    (command.folder / "weights.bin").write_bytes(bytes(range(256)) * 9000)
    folder = command.folder / "folder"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / name).write_text(name)
    words = ("--tag", f"stage={HOSTILE}", "--description", f"{HOSTILE}{DIRECTION}", "--property", f"by={HOSTILE}")
    assert command("model", "register", "weights.bin", "--name", "weights", *words).code == 0
    assert command("model", "alias", "weights", "champion").code == 0
    assert command("model", "register", "folder", "--name", "folder").code == 0
    yield command
    command.clean_up()


@pytest.fixture(scope="module")
def page(served: Lmd) -> Iterator[Page]:
    with page_of(served) as page:
        yield page


def test_who_has_no_token_sees_nothing(page: Page) -> None:
    for path in ("/", "/deployments", "/deployments/digits/log.txt", "/models/weights/1/tar", "/nothing"):
        answer = page("GET", path, cookie="")
        assert answer.status == 401 and "lmd ui" in answer.text and "digits" not in answer.text, path
    assert page("GET", "/?token=wrong", cookie="").status == 401
    assert {"httponly", "samesite=strict"} <= {part.strip().lower() for part in page.set_cookie.split(";")}


def test_another_name_of_this_machine_is_refused(page: Page) -> None:
    assert page("GET", "/deployments", host="evil.example").status == 421
    assert page("GET", f"/?{page.token}", host=f"evil.example:{page.port}", cookie="").status == 421
    answer = page("GET", "/deployments", host=f"localhost:{page.port}", cookie="")
    assert (answer.status, answer.headers["location"]) == (307, f"{page.origin}/deployments")


def test_a_page_of_another_origin_changes_nothing(page: Page, served: Lmd) -> None:
    path = "/deployments/digits/rollback?to=1"
    for headers in ({}, {"origin": "null"}, {"origin": "http://evil.example"}, {"origin": "http://127.0.0.1:1"}):
        assert page("POST", path, **headers).status == 403
        assert page("POST", "/deployments/digits/try", "body=1", **headers).status == 403
    assert page("POST", path, origin=page.origin, cookie="").status == 401
    assert served.status()["serving"] == 2


def test_every_answer_keeps_a_browser_from_running_what_others_wrote(page: Page) -> None:
    for path in (
        "/deployments",
        "/nothing",
        "/static/live.js",
        "/models/weights/1/file",
        "/deployments/digits/log.txt",
    ):
        headers = page.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    text = page.get("/deployments/digits/try").text
    assert not re.search(
        r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=\"/static/)|javascript:|https?://(?!localhost)", text
    )


def test_words_of_others_are_text(page: Page) -> None:
    assert page.post("/deployments/digits/try", body='"raise"').text.count("ValueError") > 0
    pages = {
        "a model": page.get("/models/weights"),
        "the models": page.get("/models"),
        "a search": page.get(f"/models?{urlencode({'q': HOSTILE})}"),
        "a log": page.get("/deployments/digits/logs"),
        "the settings": page.get("/deployments/digits/settings"),
        "an answer": page.post("/deployments/digits/try", body="{}"),
        "a traceback": page.post("/deployments/digits/try", body='"raise"'),
        "a comparison": page.get("/deployments/digits/compare?from=1&to=2"),
        "a request": page.post("/deployments/digits/try", body=f"{{{HOSTILE}</textarea>"),
    }
    for name, answer in pages.items():
        assert "&lt;script&gt;" in answer.text, name
        assert "<script>" not in answer.text and "<img" not in answer.text
        assert DIRECTION not in answer.text, name
    assert pages["a request"].text.count("</textarea>") == 1
    assert HOSTILE.encode() in page.get("/deployments/digits/log.txt").body  # as text/plain, which nobody renders


def test_a_deployment_s_state_its_history_and_its_answer(page: Page, served: Lmd) -> None:
    assert ">digits</a>" in page.get("/deployments").text
    text = page.get("/deployments/digits").text
    assert "Revision 2 is what was applied last, and it answers." in text
    assert "score.py" in text and "/rollback?to=1" in text and "/rollback?to=2" not in text
    answer = page.post("/deployments/digits/try", body='{"data": 1}')
    assert "&#34;revision&#34;: 2" in answer.text and f"http://localhost:{served.port}/score" in answer.text
    assert page.get("/deployments/nobody").status == 404
    assert page.get("/deployments/..%2f..").status == 404


def test_two_revisions_are_compared(page: Page) -> None:
    text = page.get("/deployments/digits/compare?from=2&to=1").text
    assert "<h4>score.py</h4>" in text and re.search(r"Revision 2: [^<]*score.py", text)
    assert re.search(r'line gone">[^<]*&#34;revision&#34;: 2', text)
    assert re.search(r'line new">[^<]*&#34;revision&#34;: 1', text)
    assert re.search(r"<h3>Settings</h3>\s*<p>The same", text)
    assert "/compare?from=1&amp;to=2" in page.get("/deployments/digits").text
    for query in ("from=1&to=99", "from=1", "from=x&to=1", ""):
        assert page.get(f"/deployments/digits/compare?{query}").status == 404, query


def test_two_revisions_are_asked_the_same(page: Page) -> None:
    place = "/deployments/digits/both?from=1&to=2"
    assert "Ask both" in page.get(place).text
    answer = page.post(place, body='"ask"').text
    assert "The answers differ." in answer and "&#34;revision&#34;: 1" in answer and "&#34;revision&#34;: 2" in answer
    assert HOSTILE not in answer
    assert "The answers are the same." in page.post(place.replace("from=1", "from=2"), body='"ask"').text
    assert page.post(place.replace("from=1", "from=9"), body="1").status == 404
    failed = page.post(place, body='"raise"').text
    assert "Both failed; what with is in their logs." in failed and failed.count('badge failed">500') == 2


def test_a_revision_that_was_loaded_leaves_no_files_when_the_page_is_ended(
    served: Lmd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with served.running("ui", "--port", str(free_port())) as running:
        running.says("Ctrl-C ends the page")
        Page(running.said().splitlines()[0]).post("/deployments/digits/both?from=1&to=2", body='"ask"')
        assert [*tmp_path.glob("lmd-ui-*")]
        running.process.terminate()
        running.process.wait(60)
    assert [*tmp_path.iterdir()] == []


def test_what_was_applied_as_a_manifest_has_no_plan(page: Page) -> None:
    answer = page.get("/deployments/digits/plan")
    assert answer.status == 503 and "run lmd apply with that manifest again" in answer.text
    assert "/plan" not in page.get("/deployments/digits").text
    assert page.get("/deployments/digits/cluster").status == 404


def test_a_file_reaches_the_deployment_as_it_is(page: Page) -> None:
    file = {"content-type": "text/x-age; charset=utf-8", "x-file": "age%20%22.txt", "origin": page.origin}
    path = "/deployments/digits/try"
    answer = page("POST", path, "41", **file)
    assert answer.status == 200 and "&#34;revision&#34;: 2" in answer.text
    assert "text/x-age" in answer.text and "--data-binary" in answer.text and "age &#34;.txt" in answer.text
    assert page("POST", path, "41", **{**file, "origin": "http://evil.example"}).status == 403


def test_figures_are_those_of_a_deployment_that_answers(page: Page) -> None:
    answer = page.get("/deployments/digits/live")
    assert answer.status == 200 and "Requests per second" in answer.text and "No server of it" not in answer.text
    assert page.get("/deployments/nobody/live").status == 404


def test_the_model_s_bytes_are_those_of_its_digest(page: Page, served: Lmd) -> None:
    text = page.get("/models/weights").text
    assert "champion" in text and "Download weights.bin" in text
    (content,) = re.findall(r"Content</dt><dd><code>sha256:(\w{64})", text)
    tar, file = page.get("/models/weights/1/tar"), page.get("/models/weights/1/file")
    assert hashlib.sha256(tar.body).hexdigest() == content
    assert file.body == (served.folder / "weights.bin").read_bytes()
    assert "attachment" in file.headers["content-disposition"] and "attachment" in tar.headers["content-disposition"]
    assert page.get("/models/folder/1/file").status == 404 and page.get("/models/folder/1/tar").status == 200
    assert "Download as a tar" in page.get("/models/folder").text and "/file" not in page.get("/models/folder").text


def test_a_version_with_a_damaged_tar_does_not_hide_the_others(page: Page, served: Lmd) -> None:
    for content in ("one", "two"):
        (served.folder / "damaged.bin").write_text(content * 1000)
        assert served("model", "register", "damaged.bin", "--name", "damaged").code == 0
    newest, oldest = re.findall(r"Content</dt><dd><code>sha256:(\w{64})", page.get("/models/damaged").text)
    (tar,) = served.home.rglob(oldest)
    size = tar.stat().st_size
    tar.chmod(0o600)
    tar.write_bytes(b"x" * size)
    answer = page.get("/models/damaged")
    assert answer.status == 200 and newest in answer.text and oldest in answer.text
    assert answer.text.count("Download damaged.bin") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/models/..%2f..%2f..%2fetc/1/tar",
        "/models/%2e%2e/1/tar",
        "/models/weights/..%2f1/tar",
        "/models/weights/1%2f..%2f../tar",
        "/models/weights/-1/file",
        "/models/weights/%D9%A1/file",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "//etc/passwd",
        "/environments/..%2f../1",
    ],
)
def test_no_path_leaves_the_store(page: Page, path: str) -> None:
    answer = page.get(path)
    assert answer.status in (400, 404) and "root:" not in answer.text and "import" not in answer.text


def tar_of(**files: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def test_a_model_that_is_sent_becomes_the_next_version_of_its_name(page: Page, served: Lmd) -> None:
    for version, content in ((1, b"one"), (1, b"one"), (2, b"two")):
        answer = page("POST", "/models", tar_of(**{"model.bin": content}), **{"x-name": "sent", "origin": page.origin})
        assert (answer.status, json.loads(answer.body)) == (200, {"name": "sent", "version": version})
    assert page.get("/models/sent/2/file").body == b"two"
    folder = tar_of(**{"net/weights": b"w", "net/labels/a.txt": b"a"})
    assert page("POST", "/models", folder, **{"x-name": "net", "origin": page.origin}).status == 200
    assert "Download as a tar" in page.get("/models/net").text
    assert list(served.home.glob(".upload-*")) == []


@pytest.mark.parametrize(
    ("name", "files", "why"),
    [
        ("../up", {"model": b""}, "model name"),
        ("", {"model": b""}, "model name"),
        (HOSTILE, {"model": b""}, "model name"),
        ("up", {"../model": b"x"}, "leads out of the archive"),
        ("up", {"/etc/model": b"x"}, "leads out of the archive"),
        ("up", {"one": b"1", "two": b"2"}, "2 came"),
        ("up", {}, "0 came"),
    ],
)
def test_what_is_sent_with_a_wrong_name_is_refused(
    page: Page, served: Lmd, name: str, files: dict[str, bytes], why: str
) -> None:
    answer = page("POST", "/models", tar_of(**files), **{"x-name": quote(name, safe=""), "origin": page.origin})
    assert answer.status == 400 and why in answer.text and "<script>" not in answer.text
    assert page.get("/models/up").status == 404 and list(served.home.glob(".upload-*")) == []


def test_who_may_not_change_anything_sends_no_model(page: Page, served: Lmd) -> None:
    sent = {"x-name": "up", "origin": "http://evil.example"}
    assert page("POST", "/models", tar_of(model=b"x"), **sent).status == 403
    with page_of(served, "--read-only") as reader:
        sent["origin"] = reader.origin
        assert reader("POST", "/models", tar_of(model=b"x"), **sent).status == 403
        assert 'id="upload"' not in reader.get("/models").text
    assert page.get("/models/up").status == 404
    assert page("POST", "/models", b"no tar" * 100, **{"x-name": "up", "origin": page.origin}).status == 400


def test_an_environment_is_shown_with_its_lock(page: Page, served: Lmd) -> None:
    other = "3.12" if PYTHON == "3.11" else "3.11"  # than that of the deployment, whose lock there is
    assert served("env", "create", "plain", "--image", f"python:{other}-slim", "--python", other).code == 0
    assert "plain:1" in page.get("/environments").text
    assert "have not been resolved on this machine yet" in page.get("/environments/plain/1").text
    assert served("env", "show", "plain").code == 0
    assert "0 packages, each with its hashes" in page.get("/environments/plain/1").text


def test_a_rollback_is_asked_about_and_then_done(page: Page, served: Lmd) -> None:
    question = page.get("/deployments/digits/rollback?to=1")
    assert "Go back to revision 1?" in question.text and served.status()["serving"] == 2
    assert page.post("/deployments/digits/rollback?to=99").status == 303, "what is wrong is told where it is shown"
    end = time.monotonic() + 60
    while "revision 99 is not kept" not in page.get("/deployments/digits").text:
        assert time.monotonic() < end, page.get("/deployments/digits").text
    assert page.post("/deployments/digits/rollback?to=1").status == 303
    while "<p>Done.</p>" not in page.get("/deployments/digits").text:
        assert time.monotonic() < end, page.get("/deployments/digits").text
    assert served.ask("x").body["revision"] == 1
    assert page.get("/deployments/digits/rollback?to=none").status == 404


def test_read_only_shows_everything_and_changes_nothing(served: Lmd) -> None:
    before = served.status()["serving"]
    with page_of(served, "--read-only") as page:
        assert page.post("/deployments/digits/plan").status == 403
        text = page.get("/deployments/digits").text
        assert "read-only" in text and "/rollback" not in text
        assert page.post(f"/deployments/digits/rollback?to={3 - before}").status == 403
        assert page.post("/deployments/digits/try", body="1").status == 200
    assert served.status()["serving"] == before


def test_open_gives_the_browser_an_address_that_others_cannot_use(served: Lmd, monkeypatch: pytest.MonkeyPatch) -> None:
    browser, opened = served.folder / "browser", served.folder / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new; mv {opened}.new {opened}\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    with served.running("open", "digits", "--port", str(free_port())) as running:
        running.says("Ctrl-C ends the page")
        end = time.monotonic() + 60
        while not opened.exists():
            assert time.monotonic() < end, running.said()
        printed, given = running.said().splitlines()[0], opened.read_text().strip()
        page = Page(given)
        assert urlsplit(given).path == "/deployments/digits" and page.get("/deployments/digits").status == 200
        assert page.token not in printed
        assert page("GET", f"/?{page.token}", cookie="").status == 401
        assert Page(printed).get("/deployments/digits").status == 200
    assert "no deployment nobody" in served("open", "nobody").err


def test_a_port_that_is_held_is_named(served: Lmd, page: Page) -> None:
    result = served("ui", "--port", str(page.port))
    assert result.code == 1 and f"--port {page.port} is held by" in result.err
