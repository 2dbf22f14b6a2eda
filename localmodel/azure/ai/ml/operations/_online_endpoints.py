"""`MLClient.online_endpoints`."""

import builtins
import os
from pathlib import Path

from localmodel import ScoringError
from localmodel.azure.ai.ml import _records
from localmodel.azure.ai.ml._local import LocalEndpoint
from localmodel.azure.ai.ml.entities import OnlineEndpoint
from localmodel.azure.ai.ml.exceptions import (
    UnsupportedOperationError,
    UserErrorException,
    ValidationException,
    require_local,
    translated,
)
from localmodel.azure.core.exceptions import HttpResponseError
from localmodel.targets import http
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError, read_file


class OnlineEndpointOperations:
    """The endpoints of this machine. Every call needs `local=True`."""

    def begin_create_or_update(self, endpoint: OnlineEndpoint, *, local: bool = False) -> OnlineEndpoint:
        """Keep the endpoint, or replace its fields; returns it when that is done.

        Raises:
            ValidationException: its name is not valid.
        """
        require_local("online_endpoints.begin_create_or_update", local)
        with translated():
            place = LocalEndpoint(endpoint.name)
            place.create(endpoint)
            return place.describe()

    def get(self, name: str, *, local: bool = False) -> OnlineEndpoint:
        """The endpoint, with its state and the address of its deployment.

        Raises:
            LocalEndpointNotFoundError: it does not exist.
        """
        require_local("online_endpoints.get", local)
        with translated():
            return LocalEndpoint(name).describe()

    def list(self, *, local: bool = False) -> "builtins.list[OnlineEndpoint]":
        """All endpoints, sorted by name."""
        require_local("online_endpoints.list", local)
        with translated():
            places = [LocalEndpoint(name) for name in _records.names()]
            return [place.describe() for place in places if place.exists()]

    def begin_delete(self, name: str | None = None, *, local: bool = False) -> None:
        """Delete the endpoint and its deployments; returns when that is done.

        Raises:
            LocalEndpointNotFoundError: it does not exist.
        """
        require_local("online_endpoints.begin_delete", local)
        with translated():
            LocalEndpoint(name).delete()

    def invoke(
        self,
        endpoint_name: str,
        request_file: str | os.PathLike[str] | None = None,
        deployment_name: str | None = None,
        *,
        input_data: object = None,
        params_override: object = None,
        local: bool = False,
        **_: object,
    ) -> str:
        """Send the JSON file to a deployment, and return the text of the answer.

        Without `deployment_name` the only deployment answers, or the one that has all the traffic.

        Raises:
            HttpResponseError: the answer is an error; with status_code and the script's traceback.
            LocalEndpointNotFoundError: there is no such deployment.
            LocalEndpointInFailedStateError: it does not serve.
            MultipleLocalDeploymentsFoundError: there are several, and none has all the traffic.
            ValidationException: the file is missing, or is not JSON.
        """
        require_local("online_endpoints.invoke", local)
        if input_data is not None or params_override:
            raise UnsupportedOperationError(
                "online_endpoints.invoke: input_data and params_override are for batch endpoints; give request_file"
            )
        content = _request(request_file)
        with translated():
            deployment = LocalEndpoint(endpoint_name).choose(deployment_name)
            answer = http.request(deployment.url, content)
        if answer.status >= 400:
            request_id, traceback = answer.headers.get("x-request-id", ""), deployment._traceback(answer)
            error = ScoringError(answer.status, answer.body, request_id, traceback)
            raise HttpResponseError(str(error), answer.status, traceback)
        return answer.body.decode(errors="replace")

    def get_keys(self, name: str) -> None:
        """Refuse the call.

        Raises:
            UserErrorException: always.
        """
        raise UserErrorException(
            f"online_endpoints.get_keys: {name} on this machine has no keys: every program here can call it; "
            "send requests without the header Authorization"
        )


def _request(file: str | os.PathLike[str] | None) -> bytes:
    if file is None:
        raise ValidationException("online_endpoints.invoke: give request_file, a file with JSON")
    try:
        content = read_file(Path(file))
        if content is None:
            raise UnreadableError("no such file")
        json_text.parse_loosely(content)
    except UnreadableError as error:
        raise ValidationException(f"online_endpoints.invoke: request_file {file}: {error}") from None
    return content
