"""Credentials, which a program makes before anything else; nothing here asks for one."""

from localmodel.azure.ai.ml.exceptions import UserErrorException


class DefaultAzureCredential:
    """A credential of any kind, with any arguments."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def get_token(self, *_: object, **__: object) -> None:
        """Refuse the call: without an account there is no token.

        Raises:
            UserErrorException: always.
        """
        raise UserErrorException(
            f"{type(self).__name__}.get_token: there is no account here, and nothing asks for a token; leave it out"
        )


class AzureCliCredential(DefaultAzureCredential):
    """See DefaultAzureCredential."""


class ClientSecretCredential(DefaultAzureCredential):
    """See DefaultAzureCredential."""


class DeviceCodeCredential(DefaultAzureCredential):
    """See DefaultAzureCredential."""


class InteractiveBrowserCredential(DefaultAzureCredential):
    """See DefaultAzureCredential."""


class ManagedIdentityCredential(DefaultAzureCredential):
    """See DefaultAzureCredential."""
