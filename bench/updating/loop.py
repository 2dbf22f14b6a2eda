"""What a way to update is made of."""

from typing import Protocol

import httpx

from updating.project import Wanted


class Loop(Protocol):
    """One way from an edit to pods. `selector` finds them, `port` of localhost leads to them."""

    name: str
    port: int
    selector: str

    def start(self, wanted: Wanted) -> None:
        """Deploy it for the first time, and wait until it serves."""

    def scale(self, replicas: int) -> None:
        """Have so many pods, and wait until all are ready."""

    def prepare(self, before: Wanted, wanted: Wanted) -> None:
        """What the user has before the clock starts: the trained model, the package's name."""

    def update(self, before: Wanted, wanted: Wanted) -> None:
        """Save the edit, and run the commands that bring it into service."""

    def roll_back(self, wanted: Wanted) -> None:
        """Run the commands that bring back what was there before the last update."""

    def is_durable(self, api: httpx.Client) -> bool | None:
        """Whether a restarted pod would serve it, asked when the commands have ended; None: it never will.

        api: the cluster's API server.
        """

    def sent(self) -> int:
        """Bytes that went to each node for the last update."""
