"""A server whose limits are so small that a test can reach them."""

from __future__ import annotations

from pathlib import Path

from support.server.changed_server import python_that_runs_first

SECONDS_TO_SEND = 1.0
SECONDS_TO_TAKE = 2.0
BYTES_OF_BODIES = 20_000_000
_CODE = """
from localmodel_server.connections import stalled
from localmodel_server.messages import body_budget
body_budget._LEAST_BYTES = {bytes_of_bodies}
stalled.StallWatch.__init__.__defaults__ = {seconds_to_send}, {seconds_to_take}
"""


def python_with_small_limits(folder: Path, seconds_to_send: float = SECONDS_TO_SEND) -> str:
    """An executable that takes the place of ``python -I -m localmodel_server``."""
    limits = {"bytes_of_bodies": BYTES_OF_BODIES, "seconds_to_send": seconds_to_send}
    return python_that_runs_first(_CODE.format(**limits, seconds_to_take=SECONDS_TO_TAKE), folder)
