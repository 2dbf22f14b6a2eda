"""Error answers of the admin port."""

from __future__ import annotations

from typing import Any

from localmodel_server.admin.bundle import NO_SPACE, BadBundleError
from localmodel_server.admin.folder import CodeMissingError, ModelMissingError
from localmodel_server.configuration.settings import SettingsError
from localmodel_server.log import logger
from localmodel_server.workers.free_memory import NoRoomError
from localmodel_server.workers.worker_process import LoadError


class RefusedError(Exception):
    """An error answer: `reason`, `message` and further fields.

    409: the pod is not in the state that the caller expects. 422: the revision cannot serve anywhere.
    """

    def __init__(self, status: int, reason: str, message: str, **others: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"reason": reason, "message": message, **others}

    def __str__(self) -> str:
        return f"{self.body['reason']}: {self.body['message']}"


def refusal(error: BaseException) -> RefusedError:
    """Turn an exception into the answer to the call."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, NoRoomError):
        return RefusedError(507, "NoRoom", str(error))
    if isinstance(error, LoadError):
        return RefusedError(422, error.reason, str(error), traceback=error.traceback or None)
    if isinstance(error, SettingsError):
        return RefusedError(422, "SettingsInvalid", str(error))
    if isinstance(error, BadBundleError):
        return RefusedError(400, "BadBundle", str(error))
    if isinstance(error, CodeMissingError):
        return RefusedError(409, "NotHeld", str(error))
    if isinstance(error, ModelMissingError):
        return RefusedError(409, "ModelMissing", str(error), models=error.digests)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return RefusedError(507, "NoRoom", f"no room in the state folder: {error.strerror}")
    logger.error("error in the admin API", exc_info=error)
    return RefusedError(500, "ServerError", f"{type(error).__name__}: {error}")
