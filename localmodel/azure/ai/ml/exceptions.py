"""The exceptions of the SDK."""

from collections.abc import Iterator
from contextlib import contextmanager

from localmodel import reasons
from localmodel.azure.core.exceptions import AzureError, ResourceNotFoundError
from localmodel.errors import UserError

# The script was run and does not serve, or the server is down.
_FAILED = (
    reasons.REVISION_FAILED,
    reasons.INIT_FAILED,
    reasons.GATE_FAILED,
    reasons.PROGRESS_DEADLINE_EXCEEDED,
    reasons.NOT_SERVING,
    reasons.UNREACHABLE,
)
_MISSING = (
    reasons.MODEL_NOT_FOUND,
    reasons.ENVIRONMENT_NOT_FOUND,
    reasons.VERSION_NOT_FOUND,
    reasons.ALIAS_NOT_FOUND,
    reasons.STORE_MISSING,
)


class MlException(AzureError):
    """The base class. `message` is the text; `traceback` is the entry script's, or "" if it did not raise."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class UserErrorException(MlException):
    """A call that cannot work as it is written; the message says what to write instead."""


class UnsupportedOperationError(UserErrorException):
    """A call for the cloud."""


class ValidationException(MlException):
    """An entity or a file with a wrong value."""


class DeploymentException(MlException):
    """Only for programs that catch it."""


class LocalEndpointNotFoundError(MlException):
    """The endpoint or the deployment does not exist on this machine."""


class LocalEndpointInFailedStateError(MlException):
    """The deployment does not serve; the one before it, if any, keeps serving."""


class MultipleLocalDeploymentsFoundError(MlException):
    """The endpoint has several deployments, and the call names none."""


def of(error: UserError) -> AzureError:
    """The exception that a program written for the SDK expects for the error."""
    if error.reason in _MISSING:
        return ResourceNotFoundError(str(error))
    if error.reason == reasons.DEPLOYMENT_NOT_FOUND:
        return LocalEndpointNotFoundError(str(error))
    kind = LocalEndpointInFailedStateError if error.reason in _FAILED else ValidationException
    return kind(str(error), getattr(error, "traceback", ""))


@contextmanager
def translated() -> Iterator[None]:
    """A block in which the library's errors become those of the SDK."""
    try:
        yield
    except UserError as error:
        raise of(error) from None  # its text has the script's traceback


def require_local(call: str, local: bool) -> None:
    """Refuse a call for the cloud.

    Raises:
        UnsupportedOperationError: `local` is false.
    """
    if not local:
        raise UnsupportedOperationError(
            f"{call}: this would be a call to Azure, and endpoints here are on this machine: add local=True, "
            "or import azure.ai.ml to work in the cloud"
        )
