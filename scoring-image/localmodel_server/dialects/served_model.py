"""The one model of the server, as clients name it."""

from __future__ import annotations

from localmodel_server.errors import BadRequestError, UnavailableError
from localmodel_server.state import ServerState


def model_name(state: ServerState) -> str:
    """What clients call the model; empty while nothing serves."""
    return "" if state.settings is None else state.settings.model_name


def check_model(state: ServerState, name: str, version: str = "") -> None:
    """Check that a request is for the model and version that serve.

    Raises:
        BadRequestError: 404, it is for another one.
        UnavailableError: no model serves.
    """
    if state.settings is None:
        raise UnavailableError(state.unready_reason() or "")
    known = model_name(state)
    if name != known:
        raise BadRequestError(404, f"unknown model {name}; the model is {known}")
    if version not in ("", state.revision):
        raise BadRequestError(404, f"unknown version {version} of {name}; the version is {state.revision}")
