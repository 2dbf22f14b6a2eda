"""What a script writes into its worker's socket is nobody's answer, nor is what comes behind it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque

from localmodel_server.configuration.settings import read_settings
from localmodel_server.workers.worker_process import WorkerProcess
from localmodel_worker.frames import Frame, FrameError, encode_prefix


async def test_an_answer_behind_a_frame_that_is_none_is_not_taken() -> None:
    taken: list[Frame | Exception] = []
    refused = asyncio.Event()

    def take(received: Frame | Exception) -> None:
        if isinstance(received, Frame) and "answers" not in received.head:
            refused.set()
            raise FrameError("no answers")
        taken.append(received)

    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    worker = WorkerProcess(read_settings({}))
    worker._sinks = deque([take])
    transport, _ = await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ours)
    worker._transport = transport
    with theirs:
        theirs.send(encode_prefix(b"{}", 0))
        await refused.wait()
        with contextlib.suppress(BrokenPipeError):
            theirs.send(encode_prefix(b'{"answers": []}', 0))
        await asyncio.sleep(0.05)
    assert taken == []
