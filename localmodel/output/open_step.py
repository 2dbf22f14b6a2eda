"""A step that has begun and not ended, as a `Live` progress shows it."""

import time
from dataclasses import dataclass, field


@dataclass
class OpenStep:
    """A step: its title, what it is at, and since when (`time.monotonic()`)."""

    title: str
    now: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has been open."""
        return time.monotonic() - self.started
