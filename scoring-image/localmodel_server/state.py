"""What the HTTP side knows of the server's life."""

from __future__ import annotations

from localmodel_server.dispatcher import Dispatcher


class ServerState:
    """The dispatcher, and whether the server is about to stop."""

    def __init__(self) -> None:
        self.dispatcher = Dispatcher()
        self.draining = False

    @property
    def revision(self) -> str:
        """The revision that serves; empty when none does."""
        pool = self.dispatcher.pool
        return "" if pool is None else pool.settings.revision

    def unready_reason(self) -> str | None:
        """Why new clients should not come here, or None when they may."""
        return "the server is stopping" if self.draining else self.dispatcher.unready_reason()
