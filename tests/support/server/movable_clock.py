"""A scoring server whose clock a test moves, so that a limit passes without anybody waiting for it."""

from __future__ import annotations

import signal
from pathlib import Path

from support.server.changed_server import python_that_runs_first
from support.server.scoring_server_process import ScoringServer, eventually

_CODE = """
import asyncio
import signal
import uvloop

class MovableLoop(asyncio.SelectorEventLoop):
    ahead = 0

    def time(self):
        return super().time() + self.ahead

def move(*_):
    MovableLoop.ahead += {seconds}
    print("the clock is", MovableLoop.ahead, "s ahead", flush=True)

def run(main):
    signal.signal(signal.SIGUSR2, move)
    with asyncio.Runner(loop_factory=MovableLoop) as runner:
        return runner.run(main)

uvloop.run = run
"""


def python_with_movable_clock(folder: Path, seconds: int) -> str:
    """An executable that takes the place of ``python -I -m localmodel_server``; each move is of so many seconds."""
    return python_that_runs_first(_CODE.format(seconds=seconds), folder)


def move_clock(server: ScoringServer) -> None:
    """Let the time of one move pass for the server."""
    moves = server.log.count("the clock is")
    server.signal(signal.SIGUSR2)
    eventually(lambda: server.log.count("the clock is") > moves, server)
