"""A request to /score: Azure's own, or a body of MLflow's for a script with a schema.

MLflow's bodies include `input_data`, in which Azure takes requests to models without a script.
"""

from __future__ import annotations

import re

from localmodel_server.dialects import invocations
from localmodel_server.messages.call import Call, Headers
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import NOTHING, Cost, of_json
from localmodel_server.payloads import azure
from localmodel_server.payloads.decoded import DecodedRequest
from localmodel_server.payloads.script_call import Target

_KEY = re.compile(rb'\s*\{\s*"(%b)"\s*:' % "|".join([*invocations.KEYS, "params"]).encode())


class ScoreRequest(azure.ScoreRequest):
    """One request, decoded for the contract that it meets."""

    __slots__ = ()

    def cost(self, contract: Contract) -> Cost:
        """What decoding the body costs the server; Azure's own bodies are decoded by the worker."""
        return of_json(self.body) if self._is_mlflows(contract) else NOTHING

    def call(self, contract: Contract) -> Call:
        """The call of run() that it asks for.

        Raises:
            BadRequestError
        """
        if not self._is_mlflows(contract):
            return super().call(contract)
        self._check_type()
        return invocations.decode_json(self.body, self.headers, Target(contract)).call

    def _is_mlflows(self, contract: Contract) -> bool:
        if contract.mode != "schema" or self.strict or self.method != "POST":
            return False
        first = _KEY.match(self.body)
        # Power BI's `Inputs` is the parameter of a script, and nobody's `inputs`: spelled wrong, it is missing.
        names = {parameter.name.casefold() for parameter in contract.parameters}
        return first is not None and first[1].decode() not in names


def cost(body: bytes, headers: Headers, contract: Contract, enough: int) -> Cost:
    """Estimate what decoding the body costs."""
    return _request(body, headers).cost(contract)


def read(body: bytes, headers: Headers, target: Target) -> DecodedRequest:
    """Decode a whole request.

    Raises:
        BadRequestError
    """
    return DecodedRequest(_request(body, headers).call(target.contract), None)


def _request(body: bytes, headers: Headers) -> ScoreRequest:
    return ScoreRequest("POST", b"", headers, body, strict=False)
