"""The classes that a logging.json written for Azure ML's inference server may name."""

from __future__ import annotations

import logging
import time
from typing import Any, Optional

__all__ = ["AMLLogFormatter", "RootAccessFilter"]


class AMLLogFormatter(logging.Formatter):
    """UTC time, one-letter level, process, logger and message, unless a format says otherwise."""

    def __init__(self, fmt: Optional[str] = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(fmt or "%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s", *args, **kwargs)
        self.converter = time.gmtime


class RootAccessFilter(logging.Filter):
    """Drops the access lines of health checks."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to keep the record."""
        return '"GET / ' not in record.getMessage()
