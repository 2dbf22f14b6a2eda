"""The exceptions of the mirrored classes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from localmodel import reasons
from localmodel.errors import UserError


class AzureMLException(Exception):
    """The base class. `message` is the text."""

    def __init__(self, exception_message: str) -> None:
        super().__init__(exception_message)
        self.message = exception_message


class UserErrorException(AzureMLException):
    """A call that cannot work as it is written; the message says what to write instead."""


class WebserviceException(AzureMLException):
    """A model, a deployment or a request that failed.

    `status_code`, `body` and `traceback` (of the entry script) are those of the answer, or None without one; `logs` is
    the end of the deployment's log, if that helps.
    """

    def __init__(
        self,
        exception_message: str,
        status_code: int | None = None,
        *,
        body: object = None,
        traceback: str | None = None,
        logs: str | None = None,
    ) -> None:
        super().__init__(exception_message)
        self.status_code = status_code
        self.body = body
        self.traceback = traceback
        self.logs = logs


class ModelNotFoundException(WebserviceException):
    """The model or its version does not exist."""


class ModelPathNotFoundException(WebserviceException):
    """The file or folder to register does not exist."""


_KINDS: Mapping[str, type[AzureMLException]] = {
    reasons.MODEL_NOT_FOUND: ModelNotFoundException,
    reasons.VERSION_NOT_FOUND: ModelNotFoundException,
    reasons.STORE_MISSING: ModelNotFoundException,
    reasons.MODEL_FILE_MISSING: ModelPathNotFoundException,
}


def of(error: UserError, default: type[AzureMLException] = WebserviceException) -> AzureMLException:
    """The exception that a script written for Azure ML expects for the error."""
    kind = _KINDS.get(error.reason, default)
    return (kind if issubclass(kind, default) else default)(str(error))


@contextmanager
def translated(default: type[AzureMLException] = WebserviceException) -> Iterator[None]:
    """A block in which the library's errors become the mirrored ones."""
    try:
        yield
    except UserError as error:
        raise of(error, default) from error


def refuse(call: str, **given: tuple[object, str]) -> None:
    """Refuse the first given argument that has no meaning here; arguments are name -> (value, what to do instead).

    Raises:
        UserErrorException: an argument is neither None nor False.
    """
    for name, (value, advice) in given.items():
        if value is not None and value is not False:
            raise UserErrorException(f"{call}: {name} is not supported here. {advice}")
