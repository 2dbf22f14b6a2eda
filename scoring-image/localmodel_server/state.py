"""What the HTTP side shares with the rest of the server."""

from __future__ import annotations

import asyncio

from localmodel_server.capture.capture import Capture
from localmodel_server.configuration.capture import CaptureSettings
from localmodel_server.configuration.settings import Settings
from localmodel_server.decoding.decoder import Decoder
from localmodel_server.figures import Figures
from localmodel_server.messages.body_budget import BodyBudget
from localmodel_server.messages.call import Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.metrics import CandidateMetrics, Metrics
from localmodel_server.workers.dispatcher import Dispatcher
from localmodel_server.workers.used_memory import used_bytes


class ServerState:
    """The dispatcher, what it counts, what waits for it, and whether the server is about to stop."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.dispatcher = Dispatcher(self.metrics)
        self.beside: Dispatcher | None = None  # of a candidate that answers some requests
        self.bodies = BodyBudget(lambda: 0 if self.settings is None else self.settings.max_request_bytes)
        self.decoder = Decoder()
        self.inflating = asyncio.Lock()
        self.capture = Capture(self.metrics.captured)
        self._draining = False
        self.takes_last = False  # requests that still come, although the server stops
        self.last_came = 0.0  # time.monotonic() of the last request other than a probe, while the server stops
        self.behind: str | None = None  # why new clients must go elsewhere although a revision serves
        self.metrics.watch(
            queue_depth=lambda: sum(dispatcher.waiting for dispatcher in self._dispatchers),
            in_flight=lambda: sum(dispatcher.in_flight for dispatcher in self._dispatchers),
            workers=lambda: 0 if self.dispatcher.pool is None else self.dispatcher.pool.alive,
            memory=used_bytes,
            revision=lambda: self.revision,
            model=lambda: self.model,
        )

    @property
    def _dispatchers(self) -> list[Dispatcher]:
        return [self.dispatcher] if self.beside is None else [self.dispatcher, self.beside]

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop."""
        return self._draining

    def drain(self) -> None:
        """Note that the server is about to stop."""
        self._draining = True

    @property
    def settings(self) -> Settings | None:
        """Those of the revision that serves; None when none does."""
        pool = self.dispatcher.pool
        return None if pool is None else pool.settings

    @property
    def capturing(self) -> CaptureSettings | None:
        """What is captured of requests; None when nothing is."""
        settings = self.settings
        return None if settings is None else settings.capture

    def capture_next(self) -> CaptureSettings | None:
        """How to capture the request that has been answered; None when it is not captured."""
        settings = self.capturing
        return settings if settings is not None and self.capture.chooses(settings) else None

    def origin(self, outcome: Outcome | None) -> tuple[str, str]:
        """The revision and the models behind an outcome; without one, those that serve."""
        return (self.revision, self.model) if outcome is None else (outcome.revision, outcome.model)

    @property
    def contract(self) -> Contract | None:
        """What the serving script takes and returns; None when none serves."""
        pool = self.dispatcher.pool
        return None if pool is None else pool.contract

    @property
    def revision(self) -> str:
        """The revision that serves; empty when none does."""
        return "" if self.settings is None else self.settings.revision

    @property
    def model(self) -> str:
        """The models that serve, with their digests; empty when none does."""
        return "" if self.settings is None else self.settings.model

    def unready_reason(self) -> str | None:
        """Why new clients should not come here, or None when they may."""
        return "the server is stopping" if self.draining else self._unready_anyway()

    def untaken_reason(self) -> str | None:
        """Why clients that know no other place should not come here either, or None when they may."""
        return self._unready_anyway() if self.takes_last else self.unready_reason()

    def _unready_anyway(self) -> str | None:
        return self.behind or self.dispatcher.unready_reason()


class ApartState(ServerState):
    """The state of a revision that is asked by the server itself: nothing of it is captured."""

    @property
    def capturing(self) -> None:
        """Nothing is captured."""
        return None


class CandidateState(ServerState):
    """The state of a candidate that answers some requests beside the serving revision.

    It has a dispatcher of its own, and shares with the server what holds for all requests together.
    """

    def __init__(self, server: ServerState, figures: Figures) -> None:
        super().__init__()
        self._server = server
        self.metrics: Metrics = CandidateMetrics(server.metrics, figures)
        self.dispatcher = server.beside = Dispatcher(self.metrics)
        self.bodies, self.decoder, self.inflating = server.bodies, server.decoder, server.inflating
        self.capture = server.capture

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop."""
        return self._server.draining

    @property
    def capturing(self) -> CaptureSettings | None:
        """What is captured of requests: as the serving revision says, because both write to the same files."""
        return self._server.capturing

    def end(self) -> None:
        """Leave the requests that wait, and those that are still on their way here, to the serving revision."""
        self.dispatcher.hand_over(self._server.dispatcher)
        self.dispatcher, self._server.beside = self._server.dispatcher, None
