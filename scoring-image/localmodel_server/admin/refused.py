"""What a call is answered with when it is not done."""

from __future__ import annotations

from typing import Any

from localmodel_server.admin.bundle import NO_SPACE, BadBundle
from localmodel_server.admin.folder import CodeMissing, ModelMissing
from localmodel_server.configuration.settings import SettingsError
from localmodel_server.log import logger
from localmodel_server.workers.headroom import NoRoom
from localmodel_server.workers.worker_process import LoadError


class Refused(Exception):
    """An answer with ``{"reason", "message"}`` and more.

    409 says that the pod is not as the caller takes it to be, and 422 that the revision cannot serve anywhere.
    """

    def __init__(self, status: int, reason: str, message: str, **others: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"reason": reason, "message": message, **others}

    def __str__(self) -> str:
        return f"{self.body['reason']}: {self.body['message']}"


def refusal(error: BaseException) -> Refused:
    """The answer for what went wrong on the way."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, NoRoom):
        return Refused(507, "NoRoom", str(error))
    if isinstance(error, LoadError):
        return Refused(422, error.reason, str(error), traceback=error.traceback or None)
    if isinstance(error, SettingsError):
        return Refused(422, "SettingsInvalid", str(error))
    if isinstance(error, BadBundle):
        return Refused(400, "BadBundle", str(error))
    if isinstance(error, CodeMissing):
        return Refused(409, "NotHeld", str(error))
    if isinstance(error, ModelMissing):
        return Refused(409, "ModelMissing", str(error), models=error.digests)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return Refused(507, "NoRoom", f"no room in the state folder: {error.strerror}")
    logger.error("error in the admin API", exc_info=error)
    return Refused(500, "ServerError", f"{type(error).__name__}: {error}")
