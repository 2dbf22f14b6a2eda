"""The warm parent is killed at any moment of an update: nothing is lost, and the next update is forked again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from support.server.scoring_server_process import ANSWERS, Load, RevisionFile, ScoringServer, eventually

DELAYS_MS = (0, 3, 6, 12, 25, 50, 100)


def test_nothing_is_lost(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("r", ANSWERS.format(name="r"))
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("r")
        with Load(server, clients=2) as load:
            for warm, delay in enumerate(DELAYS_MS, 1):
                server.wait_until_warm(warm)
                eventually(lambda: len(server.warm_parents()) == 1, server)
                (parent,) = server.warm_parents()
                name = f"r{delay}"
                revision.write(name, ANSWERS.format(name=name))
                server.signal_reload()
                time.sleep(delay / 1000)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(parent, signal.SIGKILL)
                server.wait_until_ready(name)
                assert server.score({}).json == name
            server.wait_until_warm(len(DELAYS_MS) + 1)
            revision.write("last", ANSWERS.format(name="last"))
            server.signal_reload()
            server.wait_until_ready("last")
        assert load.errors == []
        assert {status for status, _, _ in load.answers} == {200}
        assert revision.status["how"] == "fork"
        eventually(lambda: len(server.worker_pids()) == 1, server)
        eventually(lambda: len(server.warm_parents()) == 1, server)
