"""The server's life: listen, load, reload on SIGHUP, let a debugger in on SIGUSR1, drain and stop on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uvloop

from localmodel_server.app import Application
from localmodel_server.config_file import Composed, compose
from localmodel_server.debugging import Debugging, is_debugged
from localmodel_server.listen import HttpServer, build_server, open_listener
from localmodel_server.loader import Loader
from localmodel_server.log import logger, set_up_logging
from localmodel_server.settings import Ports, SettingsError, read_revision_file, read_settings
from localmodel_server.short_cut import ShortCutProtocol
from localmodel_server.state import ServerState

_EXIT_CANNOT_LISTEN = 1
_EXIT_LOAD_FAILED = 3
# After the listener has closed, connections that were open get this long to bring what is on its way.
_SECONDS_FOR_STRAGGLERS = 0.2
# A client that has stopped in the middle of a request does not keep the process from ending for longer.
_SECONDS_TO_SEND_AT_A_STOP = 3.0
# Many connections are no attack, and 1024, the usual limit, are few.
_MOST_DESCRIPTORS = 65536
# Added to the scoring timeout for requests in flight at a stop.
_SECONDS_TO_ANSWER = 5
# Then the first worker is on its way, and this process has nothing to do until it has loaded.
_SECONDS_TO_START_A_WORKER = 0.05


@dataclass(frozen=True)
class Options:
    """The command line."""

    host: str
    ports: Ports
    flags: Mapping[str, str]  # as the variables that they stand for
    app_root: str  # where nothing else names one
    revision_file: Path | None
    status_file: Path | None


class Lifecycle:
    """Runs the HTTP server and the loader until a signal or a failed first load ends them."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._state = ServerState()
        self._debugging = Debugging(self._state, options.revision_file)
        self._loader = Loader(self._state.dispatcher, self._read_wanted, options.status_file)
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._exit_code = 0
        self._application = Application(self._state)
        self._server = build_server(self._application, ShortCutProtocol)

    async def run(self, listener: socket.socket, health_listener: socket.socket | None) -> int:
        """Serve until stopped; returns the process's exit code."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._on_stop_signal, signal.SIGTERM)
        loop.add_signal_handler(signal.SIGINT, self._on_stop_signal, signal.SIGINT)
        loop.add_signal_handler(signal.SIGHUP, self._on_hang_up)
        loop.add_signal_handler(signal.SIGUSR1, self._on_debug_signal)
        first_load = self._loader.load()
        first_load.add_done_callback(self._on_first_load)
        http = asyncio.create_task(self._server.serve(sockets=[listener]))
        http.add_done_callback(lambda _: self._stop.set())
        health = None if health_listener is None else self._serve_health(health_listener)
        loop.call_later(_SECONDS_TO_START_A_WORKER, self._make_routes)
        logger.info("listening on %s port %d", *listener.getsockname()[:2])
        await self._stop.wait()
        await self._drain()
        await http
        await self._loader.close()
        if health is not None:
            server, serving = health
            server.should_exit = True
            await serving
        return self._exit_code

    def _make_routes(self) -> None:
        _ = self._application.routes
        # Requests leave little for the collector, and it would look at all that FastAPI has made again and again.
        gc.collect()
        gc.freeze()

    def _serve_health(self, listener: socket.socket) -> tuple[HttpServer, asyncio.Task[None]]:
        from localmodel_server.routes import build_health_routes  # as late as the application's

        logger.info("health is at %s port %d, too", *listener.getsockname()[:2])
        server = build_server(build_health_routes(self._state))
        server.config.timeout_graceful_shutdown = 1
        return server, asyncio.create_task(server.serve(sockets=[listener]))

    def _read_wanted(self) -> dict[str, str]:
        wanted = _compose(self._options)
        _follow_log_settings(wanted.environment)
        for level, text in wanted.notes:
            logger.log(level, "%s", text)
        return self._debugging.overlay(wanted.environment)

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
            self._debugging.forget()
            self._debugging.follow(self._loader.load())

    def _on_debug_signal(self) -> None:
        if not self._stop.is_set():
            self._debugging.read()
            self._debugging.follow(self._loader.load())

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
            if is_debugged(pool.settings.environment):
                seconds = 1.0  # nobody waits for a request that stands at a breakpoint
            self._server.config.timeout_graceful_shutdown = int(seconds)
        for server in getattr(self._server, "servers", []):
            server.close()
        self._server.stalls.seconds_to_send = _SECONDS_TO_SEND_AT_A_STOP
        await asyncio.sleep(_SECONDS_FOR_STRAGGLERS)
        self._server.should_exit = True


def run_server(options: Options) -> int:
    """Listen and serve until stopped; returns the process's exit code."""
    set_up_logging()
    _allow_many_descriptors()
    with contextlib.suppress(SettingsError):  # told when the revision is loaded
        _follow_log_settings(_compose(options).environment)
    try:
        listener = _listen(options.host, options.ports.main)
        health_listener = None if options.ports.health is None else _listen(options.host, options.ports.health)
    except _CannotListen as error:
        logger.error("%s", error)
        return _EXIT_CANNOT_LISTEN

    gc.set_threshold(50_000, 20, 20)

    async def serve() -> int:
        return await Lifecycle(options).run(listener, health_listener)

    return uvloop.run(serve())


def _allow_many_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_MOST_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _CannotListen(Exception):
    pass


def _listen(host: str, port: int) -> socket.socket:
    try:
        return open_listener(host, port)
    except OSError as error:
        raise _CannotListen(f"cannot listen on {host} port {port}: {error}") from error


def _compose(options: Options) -> Composed:
    overlay = {} if options.revision_file is None else read_revision_file(options.revision_file)
    return compose({**os.environ, **overlay, **options.flags}, options.app_root)


def _follow_log_settings(environment: Mapping[str, str]) -> None:
    with contextlib.suppress(SettingsError):  # the loader tells of it
        settings = read_settings(environment)
        set_up_logging(settings.log_level, settings.log_format)
