from __future__ import annotations

import json

import pytest

from localmodel_worker.frames import FrameBuffer, FrameError, encode_prefix

HEAD = {"id": "caf\u00e9", "n": 1}
BODY = bytes(range(256)) * 3


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_frames_survive_being_cut_anywhere(size: int) -> None:
    stream = (encode_prefix(json.dumps(HEAD).encode(), len(BODY)) + BODY) * 2 + encode_prefix(b"{}", 0)
    buffer = FrameBuffer()
    frames = []
    for start in range(0, len(stream), size):
        buffer.feed(stream[start : start + size])
        while (frame := buffer.pop()) is not None:
            frames.append(frame)
    assert frames == [(HEAD, BODY), (HEAD, BODY), ({}, b"")]


@pytest.mark.parametrize("head", [b"not json", b"[1]"])
def test_bytes_that_are_no_frame_are_refused(head: bytes) -> None:
    buffer = FrameBuffer()
    buffer.feed(len(head).to_bytes(4, "little") + bytes(8) + head)
    with pytest.raises(FrameError):
        buffer.pop()
