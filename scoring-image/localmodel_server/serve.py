"""The server's life: listen, load, reload on SIGHUP, drain and stop on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import uvloop

from localmodel_server.app import Application
from localmodel_server.http_protocol import JsonErrorProtocol
from localmodel_server.loader import Loader
from localmodel_server.log import logger, set_up_logging
from localmodel_server.settings import read_revision_file
from localmodel_server.state import ServerState

_EXIT_CANNOT_LISTEN = 1
_EXIT_LOAD_FAILED = 3
# After the listener has closed, connections that were open get this long to bring what is on its way.
_SECONDS_FOR_STRAGGLERS = 0.2
# Added to the scoring timeout for requests in flight at a stop.
_SECONDS_TO_ANSWER = 5
_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048


@dataclass(frozen=True)
class Options:
    """The command line."""

    host: str
    port: int
    revision_file: Path | None
    status_file: Path | None


class _HttpServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to Lifecycle: uvicorn would end without draining, and then by the signal."""
        yield


class Lifecycle:
    """Runs the HTTP server and the loader until a signal or a failed first load ends them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._state = ServerState()
        self._loader = Loader(self._state.dispatcher, self._read_wanted, options.status_file)
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._exit_code = 0
        self._server = _HttpServer(
            uvicorn.Config(
                Application(self._state),
                http=JsonErrorProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )

    async def run(self, listener: socket.socket) -> int:
        """Serve until stopped; returns the process's exit code."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._on_stop_signal, signal.SIGTERM)
        loop.add_signal_handler(signal.SIGINT, self._on_stop_signal, signal.SIGINT)
        loop.add_signal_handler(signal.SIGHUP, self._on_hang_up)
        first_load = self._loader.load()
        first_load.add_done_callback(self._on_first_load)
        http = asyncio.create_task(self._server.serve(sockets=[listener]))
        http.add_done_callback(lambda _: self._stop.set())
        host, port = listener.getsockname()[:2]
        logger.info("listening on %s port %d", host, port)
        await self._stop.wait()
        await self._drain()
        await http
        await self._loader.close()
        return self._exit_code

    def _read_wanted(self) -> dict[str, str]:
        overlay = {} if self._options.revision_file is None else read_revision_file(self._options.revision_file)
        return {**os.environ, **overlay}

    def _on_first_load(self, load: asyncio.Task[bool]) -> None:
        if load.cancelled() or self._options.revision_file is not None:
            return
        if not load.result():
            self._write_termination_log(self._state.dispatcher.load_error or "the revision could not be loaded")
            self._exit_code = _EXIT_LOAD_FAILED
            self._hurry.set()
            self._stop.set()

    def _write_termination_log(self, message: str) -> None:
        path = os.environ.get("LOCALMODEL_TERMINATION_LOG")
        if not path:
            return
        try:
            Path(path).write_text(message, encoding="utf-8")
        except OSError as error:
            logger.error("LOCALMODEL_TERMINATION_LOG: cannot write %s: %s", path, error.strerror)

    def _on_hang_up(self) -> None:
        if self._options.revision_file is None:
            logger.warning("SIGHUP ignored: it reads the --revision-file again, and none was given")
        elif not self._stop.is_set():
            self._loader.load()

    def _on_stop_signal(self, number: signal.Signals) -> None:
        if number == signal.SIGINT and self._hurry.is_set():
            self._server.force_exit = True  # a second Ctrl-C: do not wait for what is in flight
        if number == signal.SIGINT or self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _drain(self) -> None:
        self._state.draining = True
        pool = self._state.dispatcher.pool
        if pool is not None:
            logger.info("stopping: new requests are taken for %d s more", pool.settings.drain_seconds)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pool.settings.drain_seconds)
            seconds = pool.settings.scoring_timeout_ms / 1000 + _SECONDS_TO_ANSWER
            self._server.config.timeout_graceful_shutdown = int(seconds)
        for server in getattr(self._server, "servers", []):
            server.close()
        await asyncio.sleep(_SECONDS_FOR_STRAGGLERS)
        self._server.should_exit = True


def run_server(options: Options) -> int:
    """Listen and serve until stopped; returns the process's exit code."""
    set_up_logging()
    try:
        listener = _open_listener(options.host, options.port)
    except OSError as error:
        logger.error("cannot listen on %s port %d: %s", options.host, options.port, error)
        return _EXIT_CANNOT_LISTEN

    async def serve() -> int:
        return await Lifecycle(options).run(listener)

    return uvloop.run(serve())


def _open_listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    # With the protocol named, asyncio sets TCP_NODELAY on connections.
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
