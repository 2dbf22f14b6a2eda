"""What the HTTP side shares with the rest of the server."""

from __future__ import annotations

import asyncio

from localmodel_server.configuration.settings import Settings
from localmodel_server.decoding.decoder import Decoder
from localmodel_server.messages.body_budget import BodyBudget
from localmodel_server.messages.contract import Contract
from localmodel_server.metrics import Metrics
from localmodel_server.workers.dispatcher import Dispatcher
from localmodel_server.workers.used_memory import used_bytes


class ServerState:
    """The dispatcher, what it counts, what waits for it, and whether the server is about to stop."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.dispatcher = Dispatcher(self.metrics)
        self.bodies = BodyBudget(lambda: 0 if self.settings is None else self.settings.max_request_bytes)
        self.decoder = Decoder()
        self.inflating = asyncio.Lock()
        self.draining = False
        self.behind: str | None = None  # why new clients must go elsewhere although a revision serves
        self.metrics.watch(
            queue_depth=lambda: self.dispatcher.waiting,
            in_flight=lambda: self.dispatcher.in_flight,
            workers=lambda: 0 if self.dispatcher.pool is None else self.dispatcher.pool.alive,
            memory=used_bytes,
            revision=lambda: self.revision,
            model=lambda: self.model,
        )

    @property
    def settings(self) -> Settings | None:
        """Those of the revision that serves; None when none does."""
        pool = self.dispatcher.pool
        return None if pool is None else pool.settings

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
        return "the server is stopping" if self.draining else self.behind or self.dispatcher.unready_reason()
