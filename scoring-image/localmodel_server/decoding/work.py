"""What the decoding process does: a dialect's two functions, with the large part of what they make kept apart."""

from __future__ import annotations

from localmodel_server.messages.call import Headers, Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import Estimate
from localmodel_server.payloads.decoded import Decode, DecodedRequest, Encode, EncodedAnswer, ResultCost
from localmodel_server.payloads.script_call import Target


class TooMuchMemoryError(Exception):
    """It would take too much memory."""


def decode(
    body: bytes, function: Decode, headers: Headers, target: Target, estimate: Estimate, most_bytes: int
) -> tuple[DecodedRequest, bytes]:
    """Return a decoded request without its call's body, and that body.

    Raises:
        BadRequestError
        TooMuchMemoryError
    """
    if estimate(body, headers, target.contract, most_bytes).least > most_bytes:
        raise TooMuchMemoryError
    reading = function(body, headers, target)
    return reading._replace(call=reading.call._replace(body=b"")), reading.call.body


def encode(
    body: bytes, function: Encode, outcome: Outcome, contract: Contract, cost: ResultCost, most_bytes: int
) -> tuple[Headers, bytes]:
    """Return the headers of an answer, and its body; `body` is the result in JSON.

    Raises:
        BadRequestError
        TooMuchMemoryError
    """
    if cost(body, most_bytes).least > most_bytes:
        raise TooMuchMemoryError
    answer: EncodedAnswer = function(outcome, body, contract)
    return answer.headers, answer.body
