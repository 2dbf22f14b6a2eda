"""Collects an answer that the script makes piece by piece, for a dialect that needs all of it."""

from __future__ import annotations

import asyncio
from typing import Any

from localmodel_server.configuration.settings import Settings
from localmodel_server.errors import BadRequestError, ClientGoneError
from localmodel_server.messages.body_budget import HeldBody
from localmodel_server.messages.body_stream import BodyStream
from localmodel_server.messages.call import Outcome

_ELSEWHERE = "/score sends it piece by piece"


async def collect(outcome: Outcome, settings: Settings, gone: asyncio.Future[Any], held: HeldBody) -> bytes:
    """Return the outcome's whole body, which `held` counts; an error has the script end the rest.

    Raises:
        BadRequestError: it is too long, or does not end in time.
        ClientGoneError
        BrokenOffError
        UnavailableError: there is no room for it.
    """
    if outcome.rest is None:
        return outcome.body
    collecting = asyncio.ensure_future(_collect(outcome.body, outcome.rest, settings.max_request_bytes, held))
    try:
        milliseconds = settings.scoring_timeout_ms
        await asyncio.wait({collecting, gone}, timeout=milliseconds / 1000, return_when=asyncio.FIRST_COMPLETED)
        if collecting.done():
            return collecting.result()
        if gone.done():
            raise ClientGoneError
        text = f"the script's answer has not ended within {milliseconds} ms (SCORING_TIMEOUT_MS)"
        raise BadRequestError(500, f"{text}; {_ELSEWHERE}")
    finally:
        collecting.cancel()
        del collecting  # an exception in it would hold on to this frame
        outcome.rest.stop()


async def _collect(first: bytes, rest: BodyStream, most_bytes: int, held: HeldBody) -> bytes:
    body = bytearray(first)
    while (piece := await rest.next()) is not None:
        if len(body) + len(piece) > most_bytes:
            text = f"the script's answer is longer than {most_bytes} bytes (LOCALMODEL_MAX_REQUEST_BYTES)"
            raise BadRequestError(500, f"{text}; {_ELSEWHERE}")
        held.add(len(piece))
        body += piece
    return bytes(body)
