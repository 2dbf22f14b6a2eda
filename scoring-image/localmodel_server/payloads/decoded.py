"""A decoded request of any dialect, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from localmodel_server.messages.call import Call, Headers, Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import Cost, of_json
from localmodel_server.payloads.script_call import Target


class EncodedAnswer(NamedTuple):
    """A whole answer with status 200."""

    body: bytes
    headers: Headers


# From the outcome of a call, and its whole result in JSON; raises BadRequestError. It can be pickled.
Encode = Callable[[Outcome, bytes, Contract], EncodedAnswer]


# From a whole result, and what is enough to know (as in Estimate).
ResultCost = Callable[[bytes, int], Cost]


class DecodedRequest(NamedTuple):
    """The call that a request asks for, what turns its outcome into the answer, and what that costs.

    Without `encode` the outcome is the answer.
    """

    call: Call
    encode: Encode | None
    cost: ResultCost = of_json


# From a body, its headers (names in lower case) and the script; raises BadRequestError. It can be pickled.
Decode = Callable[[bytes, Headers, Target], DecodedRequest]
