"""The server's life: listen, load, reload on SIGHUP, let a debugger in on SIGUSR1, drain and stop on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Optional

import uvloop
from starlette.types import ASGIApp

from localmodel_server.admin.pod import Pod
from localmodel_server.admin.settings import AdminSettings
from localmodel_server.configuration.config_file import compose
from localmodel_server.configuration.settings import Ports, SettingsError, read_hosts, read_revision_file, read_settings
from localmodel_server.connections.callers import Callers
from localmodel_server.connections.idle_connections import close_idle
from localmodel_server.connections.listen import HttpServer, build_server, open_listener
from localmodel_server.error_rate import SECONDS_BETWEEN_SAMPLES
from localmodel_server.http import health
from localmodel_server.http.app import Application
from localmodel_server.http.fast_path import FastPathProtocol
from localmodel_server.http.late_routes import LateRoutes
from localmodel_server.life.beside import Beside
from localmodel_server.life.debugging import Debugging, is_debugged
from localmodel_server.life.loader import Loader
from localmodel_server.life.revision import Revision, revision_of
from localmodel_server.life.rollback import ErrorRateRollback
from localmodel_server.life.status_file import StatusFile
from localmodel_server.log import logger, set_up_logging
from localmodel_server.log_rotation import keep_short
from localmodel_server.state import ServerState
from localmodel_server.workers.orphans import collect_ended

_EXIT_CANNOT_LISTEN = 1
_EXIT_USAGE = 2
_EXIT_LOAD_FAILED = 3
# After the listener has closed, connections that were open get this long to bring what is on its way.
_SECONDS_FOR_STRAGGLERS = 0.2
# A client that has stopped in the middle of a request does not keep the process from ending for longer.
_SECONDS_TO_SEND_AT_A_STOP = 3.0
# Many connections are no attack, and 1024, the usual limit, are few.
_MOST_DESCRIPTORS = 65536
# While new requests come, somebody has not noticed yet that this server stops. Proxies that read a cluster's lists of
# pods notice later than the nodes do, and later still under load.
_QUIET_SECONDS = 5.0
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
    log_file: Path | None
    admin: AdminSettings | None  # None: no operator may call


class Lifecycle:
    """Runs the HTTP server and the loader until a signal or a failed first load ends them."""

    def __init__(self, options: Options, pod: Pod | None) -> None:
        self._options = options
        self._pod = pod
        self._state = ServerState()
        self._debugging = Debugging(self._state, options.revision_file)
        self._loader = Loader(self._state, self._read_wanted, StatusFile(options.status_file))
        self._going_back = ErrorRateRollback(self._state.metrics.error_rate, self._loader.go_back)
        if options.revision_file is not None:
            self._loader.on_switch = self._going_back.watch
        self._application = Application(self._state)
        if pod is not None:
            beside = Beside(self._application, self._loader)
            pod.attach(self._state, self._loader, beside, lambda: close_idle(self._server.server_state.connections))
            pod.swaps.on_commit = self._debugging.end
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._exit_code = 0
        self._callers = Callers(lambda: self._state.settings, _hosts_at_start(options))
        self._server = build_server(self._application, self._callers, FastPathProtocol)

    async def run(self, listeners: Listeners) -> int:
        """Serve until stopped; returns the process's exit code."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._on_stop_signal, signal.SIGTERM)
        loop.add_signal_handler(signal.SIGINT, self._on_stop_signal, signal.SIGINT)
        loop.add_signal_handler(signal.SIGHUP, self._on_hang_up)
        loop.add_signal_handler(signal.SIGUSR1, self._on_debug_signal)
        first_load = self._loader.load() if self._pod is None else asyncio.create_task(self._pod.start())
        first_load.add_done_callback(self._on_first_load)
        http = asyncio.create_task(self._server.serve(sockets=[listeners.main]))
        http.add_done_callback(lambda _: self._stop.set())
        others = [*self._serve_health(listeners.health), *self._serve_operator(listeners.admin)]
        loop.call_later(_SECONDS_TO_START_A_WORKER, _tidy_memory)
        loop.call_later(SECONDS_BETWEEN_SAMPLES, self._sample)
        rotating = None if self._options.log_file is None else asyncio.create_task(keep_short(self._options.log_file))
        logger.info("listening on %s port %d", *listeners.main.getsockname()[:2])
        await self._stop.wait()
        self._state.drain()
        giving_up = asyncio.create_task(self._give_up())
        await self._drain()
        await http
        await giving_up
        self._state.decoder.close()
        await asyncio.to_thread(self._state.capture.close)
        await self._loader.close()
        for server, _ in others:
            server.should_exit = True
        for _, serving in others:
            await serving
        if rotating is not None:
            rotating.cancel()
        return self._exit_code

    async def _give_up(self) -> None:
        self._going_back.stop()
        if self._pod is not None:
            await self._pod.swaps.close()

    def _sample(self) -> None:
        self._state.metrics.error_rate.sample()
        collect_ended()
        asyncio.get_running_loop().call_later(SECONDS_BETWEEN_SAMPLES, self._sample)

    def _serve_health(self, listener: socket.socket | None) -> Iterator[tuple[HttpServer, asyncio.Task[None]]]:
        if listener is not None:
            logger.info("health is at %s port %d, too", *listener.getsockname()[:2])
            yield _serve_beside(LateRoutes(self._state, health.answer, _build_health_routes), self._callers, listener)

    def _serve_operator(self, listener: socket.socket | None) -> Iterator[tuple[HttpServer, asyncio.Task[None]]]:
        if self._pod is not None and listener is not None:
            logger.info("the operator calls at %s port %d", *listener.getsockname()[:2])
            # Whoever calls has signed; the API server passes on what it is called itself.
            yield _serve_beside(self._pod.application(), None, listener)

    def _read_wanted(self) -> Revision:
        if self._pod is not None:
            wanted = self._pod.wanted()
        else:
            wanted = revision_of(_compose(self._options, log_notes=True))
            _follow_log_settings(wanted.environment)
        environment = self._debugging.overlay(wanted.environment)
        # Who stands at a breakpoint answers no gate.
        return Revision(environment, () if is_debugged(environment) else wanted.gate)

    def _on_first_load(self, load: asyncio.Task[bool]) -> None:
        if load.cancelled() or self._options.revision_file is not None:
            return
        if not load.result():
            self._write_termination_log(self._loader.failure)
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
        pool = self._state.dispatcher.pool
        if pool is not None:
            most = pool.settings.drain_seconds
            quiet = min(_QUIET_SECONDS, most)
            logger.info("stopping: new requests are taken until none comes for %d s, for %d s at most", quiet, most)
            self._state.takes_last = True
            await self._take_until_quiet(quiet, most)
            self._state.takes_last = False
            seconds = pool.settings.scoring_timeout_ms / 1000 + _SECONDS_TO_ANSWER
            if is_debugged(pool.settings.environment):
                seconds = 1.0  # nobody waits for a request that stands at a breakpoint
            self._server.config.timeout_graceful_shutdown = int(seconds)
        for server in getattr(self._server, "servers", []):
            server.close()
        self._server.stalls.seconds_to_send = _SECONDS_TO_SEND_AT_A_STOP
        await asyncio.sleep(_SECONDS_FOR_STRAGGLERS)
        self._server.should_exit = True

    async def _take_until_quiet(self, quiet: float, most: float) -> None:
        begun = self._state.last_came = time.monotonic()
        while (left := min(self._state.last_came + quiet, begun + most) - time.monotonic()) > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), left)
                return


@dataclass(frozen=True)
class Listeners:
    """Sockets that listen; None where there is no such port."""

    main: socket.socket
    health: socket.socket | None
    admin: socket.socket | None


def run_server(options: Options) -> int:
    """Listen and serve until stopped; returns the process's exit code."""
    set_up_logging()
    _allow_many_descriptors()
    with contextlib.suppress(SettingsError):  # told when the revision is loaded
        _follow_log_settings(_compose(options))
    try:
        pod = None if options.admin is None else Pod(options.admin, lambda changes: _compose(options, changes))
        listeners = Listeners(
            _listen(options.host, options.ports.main),
            None if options.ports.health is None else _listen(options.host, options.ports.health),
            None if options.admin is None else _listen(options.host, options.admin.port),
        )
    except _CannotListenError as error:
        logger.error("%s", error)
        return _EXIT_CANNOT_LISTEN
    except SettingsError as error:
        logger.error("%s", error)
        return _EXIT_USAGE

    gc.set_threshold(50_000, 20, 20)

    async def serve() -> int:
        return await Lifecycle(options, pod).run(listeners)

    return uvloop.run(serve())


def _tidy_memory() -> None:
    # Requests leave little for the collector, and it would look at all that has been imported again and again.
    gc.collect()
    gc.freeze()


def _build_health_routes(state: ServerState) -> ASGIApp:
    from localmodel_server.http.routes import build_health_routes

    return build_health_routes(state)


def _serve_beside(
    application: ASGIApp, callers: Callers | None, listener: socket.socket
) -> tuple[HttpServer, asyncio.Task[None]]:
    server = build_server(application, callers)
    server.config.timeout_graceful_shutdown = 1
    return server, asyncio.create_task(server.serve(sockets=[listener]))


def _allow_many_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_MOST_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _CannotListenError(Exception):
    pass


def _listen(host: str, port: int) -> socket.socket:
    try:
        return open_listener(host, port)
    except OSError as error:
        raise _CannotListenError(f"cannot listen on {host} port {port}: {error}") from error


def _compose(
    options: Options, changes: Mapping[str, Optional[str]] = MappingProxyType({}), log_notes: bool = False
) -> Mapping[str, str]:
    """The complete variables, with changes to the container's own; None removes one.

    Raises:
        SettingsError
    """
    overlay = {} if options.revision_file is None else read_revision_file(options.revision_file)
    variables = {**os.environ, **overlay, **changes, **options.flags}
    composed = compose({name: value for name, value in variables.items() if value is not None}, options.app_root)
    for level, text in composed.notes if log_notes else ():
        logger.log(level, "%s", text)
    return composed.environment


def _hosts_at_start(options: Options) -> frozenset[str]:
    try:
        return read_hosts(_compose(options))
    except SettingsError:  # told when the revision is loaded
        return frozenset()


def _follow_log_settings(environment: Mapping[str, str]) -> None:
    with contextlib.suppress(SettingsError):  # the loader tells of it
        settings = read_settings(environment)
        set_up_logging(settings.log_level, settings.log_format)
