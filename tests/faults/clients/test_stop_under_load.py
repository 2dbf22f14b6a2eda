"""SIGTERM while many clients ask: what was sent is answered, and nothing stays behind."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
from fault_scripts import ECHO
from support.server.scoring_server_process import ScoringServer, eventually, is_alive, write_script
from wire import Closed, Wire, post

CLIENTS = 32


class Clients:
    """Each asks again as soon as it is answered, on one connection, until the server says that it will close it."""

    def __init__(self, server: ScoringServer, data: bytes) -> None:
        self.outcomes: Counter[object] = Counter()
        self._server = server
        self._data = data
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)

    def _ask(self) -> None:
        with Wire(self._server) as wire:
            while True:
                if wire.has_answer():  # the end of the connection, before anything was sent
                    self.outcomes["closed before"] += 1
                    return
                try:
                    reply = wire.send(self._data).answer()
                except (Closed, OSError) as error:
                    self.outcomes[repr(error)] += 1
                    return
                self.outcomes[reply.status] += 1
                if reply.headers.get("connection") == "close":
                    return


@pytest.mark.parametrize("drain", [0, 1])
@pytest.mark.parametrize("data", [post({"seconds": 0.005}), post({"inputs": [1]}, path="/invocations")])
def test_what_was_sent_is_answered(tmp_path: Path, data: bytes, drain: int) -> None:
    variables = write_script(tmp_path / "app", ECHO)
    variables |= {"WORKER_COUNT": "2", "LOCALMODEL_DRAIN_SECONDS": str(drain)}
    with ScoringServer(tmp_path, variables) as server:
        server.wait_until_ready()
        workers = server.worker_pids()
        clients = Clients(server, data)
        eventually(lambda: clients.outcomes[200] > 5 * CLIENTS, server)
        server.signal(signal.SIGTERM)
        clients.join()
        assert server.wait_for_end() == 0
        assert set(clients.outcomes) <= {200, "closed before"}
        assert not [pid for pid in workers if is_alive(pid)]


def test_what_waits_in_line_is_answered_at_a_stop(tmp_path: Path) -> None:
    with ScoringServer(tmp_path, write_script(tmp_path / "app", ECHO)) as server:
        server.wait_until_ready()
        go = tmp_path / "go"
        wires = [Wire(server).send(post({"until": str(go), "n": number})) for number in range(64)]
        server.wait_until_asked(64)
        server.signal(signal.SIGTERM)
        go.touch()
        assert [wire.answer().json["n"] for wire in wires] == list(range(64))
        assert all(wire.is_closed() for wire in wires)
        for wire in wires:
            wire.socket.close()
        assert server.wait_for_end() == 0


def test_a_crash_during_the_drain_costs_one_answer(tmp_path: Path) -> None:
    script = ECHO.replace("    return data", '    if data.get("die"):\n        os._exit(1)\n    return data')
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)) as server:
        server.wait_until_ready()
        go = tmp_path / "go"
        wires = [Wire(server).send(post({"until": str(go), "die": number == 2})) for number in range(6)]
        server.wait_until_asked(6)
        server.signal(signal.SIGTERM)
        go.touch()
        assert [wire.answer().status for wire in wires] == [200, 200, 500, 200, 200, 200]
        for wire in wires:
            wire.socket.close()
        assert server.wait_for_end() == 0
