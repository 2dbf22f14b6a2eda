"""What somebody else has put in the place of the operator's decision, or of a pod's own notes: never served, never
a container that ends again and again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.server.admin_client import AdminClient, content_of
from support.server.admin_pod import ANSWERS, OWNER, Pod
from support.server.scoring_server_process import eventually

from localmodel_server.admin.folder import StateFolder, StateLostError
from localmodel_server.admin.start import read_wanted
from localmodel_untrusted.files import UnreadableError

BYTES = {
    "nothing": b"",
    "cut off": b'{"epoch": 7',
    "a list": b"[]",
    "null": b"null",
    "no fields": b"{}",
    "no UTF-8": b"\xff",
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "1e400": b'{"epoch": 1e400}',
    "Infinity": b'{"epoch": Infinity}',
    "NaN": b'{"epoch": NaN}',
    "many digits": b'{"epoch": ' + b"1" * 100_000 + b"}",
    "UTF-16": '{"epoch": 7}'.encode("utf-16"),
    "large": b" " * (1024 * 1024) + b"{}",
}
DECIDED = {"epoch": 7, "revision": 7, "content": content_of("seven"), "committed": True}
FIELDS = {
    "epoch as text": {"epoch": "7"},
    "epoch true": {"epoch": True},
    "epoch null": {"epoch": None},
    "negative epoch": {"epoch": -1},
    "huge epoch": {"epoch": 2**53 + 1},
    "epoch with a fraction": {"epoch": 7.5},
    "revision as a list": {"revision": []},
    "content as an object": {"content": {}},
    "content with a NUL": {"content": "\0"},
    "content that is no text": {"content": "\ud800"},
    "committed as a number": {"committed": 1},
    "hold as a text": {"hold": "true"},
}


class Mounted:
    """The wanted folder, and the operator's end of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.operator = AdminClient(0, "pod")

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            (self.folder / name).write_bytes(content)

    def read(self, owner: str = OWNER) -> object:
        return read_wanted(self.folder, self.operator.key.public_key().public_bytes_raw(), owner)


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path)


def test_what_the_operator_has_signed_is_obeyed(mounted: Mounted) -> None:
    assert mounted.read() is None
    mounted.put(mounted.operator.decision(OWNER, {**DECIDED, "of a later version": 1}, b"[]", b"tar"))
    found = mounted.read()
    assert found == (7, "7", content_of("seven"), "env", True, "[]", b"tar", False)
    mounted.put(mounted.operator.decision(OWNER, {**DECIDED, "hold": True}, b"[]", b"tar"))
    assert mounted.read() == (*found[:-1], True)


@pytest.mark.parametrize("content", BYTES.values(), ids=BYTES)
@pytest.mark.parametrize("name", ["wanted.json", "wanted.sig", "gate.json", "bundle.tar"])
def test_other_bytes_in_the_place_of_one_file(name: str, content: bytes, mounted: Mounted) -> None:
    mounted.put({**mounted.operator.decision(OWNER, DECIDED, b"[1]", b"tar"), name: content})
    with pytest.raises(UnreadableError):
        mounted.read()


@pytest.mark.parametrize("content", BYTES.values(), ids=BYTES)
def test_other_bytes_that_were_signed(content: bytes, mounted: Mounted) -> None:
    """The key is the operator's, and what it signs may be of another version."""
    decided = mounted.operator.decision(OWNER, DECIDED)
    mounted.put({**decided, "wanted.json": content, "wanted.sig": mounted.operator.sign_decision(content)})
    with pytest.raises(UnreadableError):
        mounted.read()


@pytest.mark.parametrize("told", FIELDS.values(), ids=FIELDS)
def test_fields_of_another_kind(told: Mapping[str, object], mounted: Mounted) -> None:
    mounted.put(mounted.operator.decision(OWNER, {**DECIDED, **told}))
    with pytest.raises(UnreadableError, match=f"{next(iter(told))}: expected"):
        mounted.read()


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe_in_its_place(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def loop_in_its_place(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


@pytest.mark.parametrize("put", [folder_in_its_place, pipe_in_its_place, loop_in_its_place])
@pytest.mark.parametrize("name", ["wanted.json", "wanted.sig", "gate.json", "bundle.tar"])
def test_no_file_in_the_place_of_one(name: str, put: Callable[[Path], None], mounted: Mounted) -> None:
    mounted.put(mounted.operator.decision(OWNER, DECIDED, b"[]", b"tar"))
    put(mounted.folder / name)
    with pytest.raises(UnreadableError):
        mounted.read()


@pytest.mark.parametrize("owner", ["team/digits/other", "team/other/8f5c", "other/digits/8f5c", ""])
def test_a_decision_about_another_deployment(owner: str, mounted: Mounted) -> None:
    mounted.put(mounted.operator.decision(OWNER, DECIDED))
    with pytest.raises(UnreadableError, match=f"it is for {OWNER}"):
        mounted.read(owner)


def test_a_signature_for_something_else(mounted: Mounted) -> None:
    decided = mounted.operator.decision(OWNER, DECIDED)
    for purpose in (b"", b"localmodel.dev/revision\n"):
        text = purpose + decided["wanted.json"]
        mounted.put({**decided, "wanted.sig": mounted.operator.sign_decision(text, purpose=b"")})
        with pytest.raises(UnreadableError, match="not signed"):
            mounted.read()


@pytest.mark.parametrize("content", [*BYTES.values(), b'{"epoch": true, "revision": "2", "content": "x"}'])
def test_other_bytes_in_the_place_of_what_was_accepted(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "accepted.json").write_bytes(content)
    with pytest.raises(StateLostError):
        StateFolder(tmp_path, {}).accepted()


def test_code_of_whoever_may_write_config_maps_is_not_served(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    evil = pod.bundle("evil", ANSWERS.format(name="evil"))
    told = {"epoch": 99, "revision": "evil", "content": content_of("evil"), "environment": "env", "committed": True}
    pod.mount({"wanted.json": json.dumps(told).encode(), "bundle.tar": evil})
    with pod.container() as server:
        server.wait_until_ready("1")
        assert server.score({}).json == "image"
        state = pod.admin.state()
        assert (state["epoch"], state["heard"]) == (1, 1)
        assert "wanted is ignored: it is not signed with the operator's key" in state["ignored"]
        assert state["ignored"] in server.log
        # its epoch fences nobody off
        pod.swap(2, "two")
        assert server.score({}).json == "two"
    # one that was signed, with another's bundle beside it: what was accepted goes on
    pod.mount({**pod.admin.decision(OWNER, DECIDED, b"", pod.bundle("seven")), "bundle.tar": evil})
    with pod.container() as server:
        server.wait_until_ready("two")
        assert "the bundle beside it is not the signed one" in pod.admin.state()["ignored"]
    assert pod.accepted["epoch"] == 2


def test_a_container_does_not_end_whatever_the_bytes_are(tmp_path: Path) -> None:
    pod = Pod(tmp_path)
    pod.mount({"wanted.json": BYTES["deep"], "gate.json": b"\xff", "wanted.sig": b"\xff"})
    pod.state_folder.mkdir()
    (pod.state_folder / "accepted.json").write_bytes(b'{"epoch": 1e400, "revision": "2", "content": ""}')
    with pod.container() as server:
        eventually(lambda: "accepted.json cannot be read" in server.get("/readyz").json.get("message", ""), server)
        assert server.get("/livez").status == 200
        assert "Traceback" not in server.log
        pod.swap(3, "three")
        server.wait_until_ready("three")
    (pod.state_folder / "accepted.json").write_bytes(BYTES["deep"])
    with pod.container() as server:
        eventually(lambda: "nested too deeply" in server.get("/readyz").json.get("message", ""), server)
        reply = pod.admin.call("commit", float("inf"), content_of("four"))
        assert (reply.status, reply.json["reason"]) == (403, "Forbidden")
        assert "Traceback" not in server.log
