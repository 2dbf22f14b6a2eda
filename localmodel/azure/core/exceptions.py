"""The errors of `azure.core` that programs written for SDK v2 catch."""


class AzureError(Exception):
    """The base class. `message` is the text."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class HttpResponseError(AzureError):
    """A deployment answered with an error: its status, and the script's traceback, or "" if `run()` did not raise."""

    def __init__(self, message: str, status_code: int | None = None, traceback: str = "") -> None:
        super().__init__(message)
        self.status_code = status_code
        self.traceback = traceback


class ResourceNotFoundError(HttpResponseError):
    """The model or the environment, or its version, does not exist."""


class ResourceExistsError(HttpResponseError):
    """Only for programs that catch it: registering the same content twice gives the version that there is."""
