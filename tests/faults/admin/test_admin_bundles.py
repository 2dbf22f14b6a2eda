"""Bundles that are not what they say, or that nobody may send: refused, and nothing of them stays."""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server.admin_client import HEADER, AdminClient, bundle, content_of, tar
from support.server.admin_pod import ANSWERS, Pod
from support.server.scoring_server_process import ScoringServer, eventually

MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Pod:
    return Pod(tmp_path_factory.mktemp("pod"), LOCALMODEL_MAX_BUNDLE_BYTES=str(MOST_BYTES))


@pytest.fixture(scope="module")
def server(pod: Pod) -> Iterator[ScoringServer]:
    with pod.container() as server:
        server.wait_until_ready("1")
        yield server
        assert "error in the admin API" not in server.log


@pytest.fixture(autouse=True)
def unmoved(pod: Pod, server: ScoringServer) -> Iterator[None]:
    """Whatever is sent, the image's revision serves, and nothing is left in the folder."""
    yield
    assert pod.admin.state()["prepared"] is None
    assert server.score({}).json == "image"
    assert pod.admin.state()["epoch"] == 1
    eventually(lambda: pod.left_over == [], server)
    eventually(lambda: pod.admin.state()["held"] == [pod.image], server)
    assert pod.admin.state()["models"] == []
    assert pod.admin.state()["serving"] is True


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0, **said: str) -> bytes:
    """A good bundle of content two with one member more, of which further headers are said."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        with tarfile.open(fileobj=io.BytesIO(good())) as before:
            for each in before:
                archive.addfile(each, before.extractfile(each))
        extra = tarfile.TarInfo(name)
        extra.type, extra.linkname, extra.size = kind, link, size
        extra.pax_headers = {name.replace("__", "."): value for name, value in said.items()}
        archive.addfile(extra, io.BytesIO(bytes(size)))
    return target.getvalue()


def good(**others: object) -> bytes:
    return bundle({"content": content_of("two"), **others}, {"code/score.py": ANSWERS.format(name="two")})


def cut_off(data: bytes, size: int) -> bytes:
    return data[:size]


def lying_size() -> bytes:
    """Its last member claims more than there is."""
    info = tarfile.TarInfo("code/big.bin")
    info.size = 100_000
    return good()[:2048] + info.tobuf() + b"x" * 600


def folders(count: int) -> bytes:
    """A bundle of folders, more than anybody's code has."""
    extra = tarfile.TarInfo("code")
    extra.type = tarfile.DIRTYPE
    headers = b""
    for number in range(count):
        extra.name = "code/" + "/".join(str(number + depth) for depth in range(90))
        headers += extra.tobuf(tarfile.GNU_FORMAT)
    return headers + bytes(1024)


OUTSIDE = "/tmp/localmodel-escaped"
HEX = content_of("model")[7:]


@pytest.mark.parametrize(
    "body",
    [
        b"not a tar at all",
        b"\0" * 10240,
        cut_off(good(), 1100),
        cut_off(good(), 2100),
        good()[:1536] + b"\xff" * 2048 + good()[3584:],
        lying_size(),
        member("../escaped"),
        member("code/../../escaped"),
        member(OUTSIDE),
        member("elsewhere.txt"),
        member("accepted.json"),
        member("models/abc/weights"),
        member("models/../../x"),
        member(f"models/{HEX.upper()}/weights"),
        member("code/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("code/link", tarfile.SYMTYPE, "score.py"),
        member("code/hard", tarfile.LNKTYPE, "code/score.py"),
        member("code/pipe", tarfile.FIFOTYPE),
        member("code/device", tarfile.CHRTYPE),
        member("code/score.py"),
        member("code/score.py/below"),
        member("code/" + "n" * 300),
        member("code/" + "d/" * 1500 + "x"),
        member("code/x", GNU__sparse__size="x", GNU__sparse__numbytes="y"),
        member("code/x", GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__realsize="z"),
        member("code/x", path="../escaped"),
        tar({"code/score.py": "x"}),
        tar({"bundle.json": "{}", "code/score.py": "x"}),
        tar({"bundle.json": "[" * 100_000, "code/score.py": "x"}),
        good(content=content_of("another")),
        good(entry="missing.py"),
        good(entry="../score.py"),
        bundle({"content": content_of("two")}, {"code/score.py": "x", "gate.json": b"\xff"}),
    ],
)
def test_a_bundle_that_is_none(pod: Pod, body: bytes) -> None:
    reply = pod.admin.call("prepare", 2, content_of("two"), body)
    assert (reply.status, reply.json["reason"]) == (400, "BadBundle"), reply
    assert reply.json["message"]
    assert not Path(OUTSIDE).exists()


def test_a_bundle_of_folders_is_refused_before_any_is_made(pod: Pod) -> None:
    reply = pod.admin.call("prepare", 2, content_of("two"), folders(120))
    assert (reply.status, reply.json["message"]) == (400, "it has more than 10000 folders")


def test_a_gate_that_cannot_be_read(pod: Pod) -> None:
    reply = pod.prepare(2, "two", gate=[{"expect": {"unheard": "of"}}])
    assert (reply.status, reply.json["reason"]) == (422, "SettingsInvalid")
    assert "unheard" in reply.json["message"]


def test_a_description_alone_of_what_the_pod_does_not_have(pod: Pod) -> None:
    reply = pod.admin.call("prepare", 2, content_of("two"), bundle({"content": content_of("two")}, {}))
    assert (reply.status, reply.json["reason"]) == (409, "NotHeld")
    reply = pod.admin.call("prepare", 2, content_of("two"))
    assert (reply.status, reply.json["reason"]) == (409, "NotHeld")


def test_a_body_that_was_not_signed(pod: Pod) -> None:
    token = pod.admin.token("prepare", 2, content_of("two"), good())
    reply = pod.admin.send("prepare", token, good().replace(b"two", b"owt"))
    assert (reply.status, reply.json["reason"]) == (400, "BadBundle")
    assert "SHA-256" in reply.json["message"]


def test_one_that_is_too_large(pod: Pod) -> None:
    body = good() + bytes(MOST_BYTES)
    reply = pod.admin.call("prepare", 2, content_of("two"), body)
    assert (reply.status, reply.json["reason"]) == (413, "TooLarge")
    assert "LOCALMODEL_MAX_BUNDLE_BYTES" in reply.json["message"]


def test_one_that_is_too_large_without_saying_so(pod: Pod) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", pod.admin.port, timeout=30)
    pieces = (bytes(65536) for _ in range(100))
    headers = {HEADER: pod.admin.token("prepare", 2, content_of("two"), b"x"), "Transfer-Encoding": "chunked"}
    try:
        connection.request("POST", "/prepare", pieces, headers, encode_chunked=True)
        assert connection.getresponse().status == 413
    finally:
        connection.close()


def test_a_client_that_goes_in_the_middle(pod: Pod) -> None:
    token = pod.admin.token("prepare", 2, content_of("two"), good())
    with socket.create_connection(("127.0.0.1", pod.admin.port)) as client:
        head = f"POST /prepare HTTP/1.1\r\nHost: localhost\r\n{HEADER}: {token}\r\nContent-Length: 100000\r\n\r\n"
        client.sendall(head.encode() + bytes(50_000))
        eventually(lambda: pod.left_over != [])


@pytest.mark.parametrize("action", ["state", "prepare", "commit", "abort"])
def test_calls_of_somebody_else(pod: Pod, action: str) -> None:
    other = AdminClient(pod.admin.port, pod.admin.pod)
    content, now = content_of("two"), time.time()
    tokens = [
        "",
        "not.atoken",
        other.token(action, 2, content),
        pod.admin.token(action, 2, content, pod="another pod"),
        pod.admin.token("commit" if action != "commit" else "abort", 2, content),
        pod.admin.token(action, 2, content, expires=now - 301),
    ]
    for token in tokens:
        reply = pod.admin.send(action, token)
        assert (reply.status, reply.json["reason"]) == (403, "Forbidden"), token
    connection = http.client.HTTPConnection("127.0.0.1", pod.admin.port, timeout=30)
    connection.request("GET" if action == "state" else "POST", f"/{action}")
    assert connection.getresponse().status == 403
    connection.close()


def test_other_paths_and_methods(pod: Pod) -> None:
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/score", 404),
        ("GET", "/commit", 405),
        ("PUT", "/state", 405),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", pod.admin.port, timeout=30)
        connection.request(method, path)
        response = connection.getresponse()
        assert (response.status, list(json.loads(response.read()))) == (status, ["reason", "message"])
        connection.close()
    with_body = pod.admin.call("commit", 2, content_of("two"), b"what is this")
    assert with_body.status == 400


def test_the_admin_port_is_not_the_services(pod: Pod, server: ScoringServer) -> None:
    assert server.request("GET", "/state", headers={HEADER: pod.admin.token("state", 0, "")}).status == 404


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
def test_a_full_disk(tmp_path: Path) -> None:
    state_folder = tmp_path / "state"
    state_folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(state_folder)], check=True)
    try:
        pod = Pod(tmp_path)
        with pod.container() as server:
            server.wait_until_ready("1")
            # as a tar and unpacked it is more than there is; then it is more than there is as a tar
            for size in (600_000, 2_000_000):
                reply = pod.prepare(2, "two", files={"code/large.bin": os.urandom(size)})
                assert (reply.status, reply.json["reason"]) == (507, "NoRoom"), reply
                assert "state folder" in reply.json["message"]
                assert pod.left_over == []
            assert server.score({}).json == "image"
            pod.swap(3, "three")
            assert server.score({}).json == "three"
            # accepted.json cannot be written
            assert pod.prepare(4, "four").status == 200
            filler = state_folder / "filler"
            with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
                while True:
                    file.write(bytes(4096))
            assert pod.commit(4, "four").json["reason"] == "NoRoom"
            assert server.get("/readyz").status == 503
            assert "epoch 4 could not be committed" in pod.admin.state()["unready"]
            assert server.score({}).json == "three", "who asks all the same gets an answer"
            filler.unlink()
            assert pod.commit(4, "four").status == 200
            assert server.get("/readyz").json == {"revision": "four"}
            assert server.score({}).json == "four"
    finally:
        subprocess.run(["umount", "--lazy", str(state_folder)], check=True)


def test_settings_that_cannot_be_used_end_the_server_at_once(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    (tmp_path / "file").touch()
    for name, value in (
        ("LOCALMODEL_ADMIN_KEY", ""),
        ("LOCALMODEL_ADMIN_KEY", "c2hvcnQ="),
        ("LOCALMODEL_POD_UID", ""),
        ("LOCALMODEL_STATE_FOLDER", str(tmp_path / "file" / "below")),
    ):
        command = [sys.executable, "-I", "-m", "localmodel_server", "--host", "127.0.0.1", "--port", "0"]
        variables = {**os.environ, **pod.variables, name: value}
        ended = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=30)
        assert ended.returncode == 2
        assert name in ended.stderr
        assert "Traceback" not in ended.stderr
