"""Request ids, as Azure ML's inference server takes and echoes them, and the headers of every answer."""

from __future__ import annotations

import functools
import random
from typing import NamedTuple

import localmodel_server
from localmodel_server.configuration.settings import Settings
from localmodel_server.log import logger
from localmodel_server.messages.call import Headers, Outcome

_LONGEST_ID = 100
_VERSION = f"localmodel/{localmodel_server.__version__}".encode()
_REQUEST_ID = b"x-request-id"
_CLIENT_ID = b"x-ms-client-request-id"
_OLD_ID = b"x-ms-request-id"
_TRACE_ID = b"traceid"


class RequestIds(NamedTuple):
    """The ids of one request: what to echo, and the name of an id that is too long to echo, if any.

    is_ours says whether request_id was made here, and not by the client.
    """

    request_id: str
    is_ours: bool
    echo: Headers
    too_long: str | None


def read_ids(headers: Headers) -> RequestIds:
    """Read the ids from request headers (names in lower case); a missing request id is made up."""
    given = {name: value for name, value in headers if name in (_REQUEST_ID, _CLIENT_ID, _OLD_ID, _TRACE_ID)}
    too_long = [name for name, value in given.items() if len(value) > _LONGEST_ID and name != _TRACE_ID]
    for name in too_long:
        del given[name]
    given_id = given.get(_REQUEST_ID)
    request_id = given_id or _new_id()
    old_id = given.get(_OLD_ID)
    client_id = given.get(_CLIENT_ID) or old_id
    if old_id:
        _tell_of_the_old_header()
    echo = [(_REQUEST_ID, request_id), (_OLD_ID, old_id or client_id or request_id)]
    if client_id:
        echo.append((_CLIENT_ID, client_id))
    if _TRACE_ID in given:
        echo.append((_TRACE_ID, given[_TRACE_ID]))
    return RequestIds(request_id.decode("latin-1"), not given_id, echo, too_long[0].decode() if too_long else None)


def common_headers(ids: RequestIds, settings: Settings | None, outcome: Outcome | None = None) -> Headers:
    """The headers of every answer, on any path: ids, and who answers. An outcome names its own revision."""
    headers = list(ids.echo)
    if settings is None or settings.version_header:
        headers.append((b"x-ms-server-version", _VERSION))
    revision, model = ("", "") if settings is None else (settings.revision, settings.model)
    if outcome is not None:
        revision, model = outcome.revision, outcome.model
    headers.append((b"x-localmodel-revision", revision.encode()))
    if model:
        headers.append((b"x-localmodel-model", model.encode()))
    return headers


@functools.cache
def _tell_of_the_old_header() -> None:
    """Warn once: a client that sends it sends it with every request."""
    logger.warning("a client sends x-ms-request-id, which is deprecated in Azure ML: use x-ms-client-request-id")


def _new_id() -> bytes:
    # A version 4 UUID. Nobody has to be kept from guessing it, and this takes a fifth of uuid4()'s time.
    digits = b"%032x" % random.getrandbits(128)
    variant = b"89ab"[digits[16] & 3 : (digits[16] & 3) + 1]
    return b"%b-%b-4%b-%b%b-%b" % (digits[:8], digits[8:12], digits[13:16], variant, digits[17:20], digits[20:])
