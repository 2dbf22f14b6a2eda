"""What the decoding process does: a dialect's two functions, with the large part of what they make kept apart."""

from __future__ import annotations

from localmodel_server.messages.call import Headers, Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import Estimate
from localmodel_server.payloads.reading import Answer, Decode, Encode, Reading, ResultCost
from localmodel_server.payloads.script_call import Target


class TooLarge(Exception):
    """It would take too much memory."""


def decode(
    body: bytes, function: Decode, headers: Headers, target: Target, estimate: Estimate, most_bytes: int
) -> tuple[Reading, bytes]:
    """A decoded request without its call's body, and that body; raises BadRequest and TooLarge."""
    if estimate(body, headers, target.contract, most_bytes).least > most_bytes:
        raise TooLarge
    reading = function(body, headers, target)
    return reading._replace(call=reading.call._replace(body=b"")), reading.call.body


def encode(
    body: bytes, function: Encode, outcome: Outcome, contract: Contract, cost: ResultCost, most_bytes: int
) -> tuple[Headers, bytes]:
    """The headers of an answer, and its body; body is the result in JSON. Raises BadRequest and TooLarge."""
    if cost(body, most_bytes).least > most_bytes:
        raise TooLarge
    answer: Answer = function(outcome, body, contract)
    return answer.headers, answer.body
