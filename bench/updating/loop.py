"""The interface of a way to update."""

from typing import Protocol

import httpx

from updating.project import Wanted


class Loop(Protocol):
    """One way from an edit to pods, which `selector` selects, and `port` of localhost leads to."""

    name: str
    port: int
    selector: str

    def start(self, wanted: Wanted) -> None:
        """Deploy it for the first time, and wait until it serves."""

    def scale(self, replicas: int) -> None:
        """Scale to this number of pods, and wait until all are ready."""

    def prepare(self, before: Wanted, wanted: Wanted) -> None:
        """Make what the user has before the clock starts: the trained model, the package's name."""

    def update(self, before: Wanted, wanted: Wanted) -> None:
        """Save the edit, and run the commands that bring it into service."""

    def roll_back(self, wanted: Wanted) -> None:
        """Run the commands that undo the last update."""

    def is_durable(self, api: httpx.Client) -> bool | None:
        """Whether a restarted pod would serve the update, after the commands have ended; None means never.

        `api` is the cluster's API server.
        """

    def sent(self) -> int:
        """The bytes sent to each node for the last update."""
