"""The server's log: one line per event on stderr."""

from __future__ import annotations

import logging
import sys

logger = logging.getLogger("localmodel_server")


def set_up_logging() -> None:
    """Send the log of the server and of uvicorn to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logger.setLevel(logging.INFO)


def log_request(request_id: str, method: str, path: str, status: int, milliseconds: float) -> None:
    """Log one answered request, without its payload."""
    logger.info("%s %s %s %d %.1f", request_id, method, path, status, milliseconds)
