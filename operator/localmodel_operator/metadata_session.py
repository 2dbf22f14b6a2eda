"""Connections on which the API server leaves out of each object what its metadata does not say.

Of the operator's children, and of what its resources refer to, events are all that a watch is for. So the data of other
people's Secrets is never sent, and a start among many objects is not spent on reading them.
"""

import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp


class _Response(aiohttp.ClientResponse):
    async def json(self, **options: Any) -> Any:
        """The parsed body; an empty list of metadata has null where an empty list of objects has an array."""
        body = await super().json(**options)
        if isinstance(body, dict) and body.get("items", ()) is None:
            body["items"] = []
        return body


def open_session(headers: Mapping[str, str], tls: ssl.SSLContext) -> aiohttp.ClientSession:
    """Open a session for lists and watches; anything else comes whole."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=tls),
        headers=headers,
        middlewares=(_ask_for_metadata,),
        response_class=_Response,
    )


async def _ask_for_metadata(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    form = "PartialObjectMetadata" if "watch" in request.url.query else "PartialObjectMetadataList"
    request.headers["Accept"] = f"application/json;as={form};g=meta.k8s.io;v=v1,application/json"
    return await handler(request)
