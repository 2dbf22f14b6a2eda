"""One infer request of the Open Inference Protocol, without a web framework around it."""

from __future__ import annotations

from functools import partial

import orjson

from localmodel_server.configuration.settings import Settings
from localmodel_server.dialects.oip import infer_answer, infer_request
from localmodel_server.dialects.oip.infer_request import WantedOutputs
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call, Headers, Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import MOST_ON_LOOP, Cost
from localmodel_server.payloads.compression import VARY
from localmodel_server.payloads.decoded import DecodedRequest, Encode, EncodedAnswer
from localmodel_server.payloads.json_text import message_of
from localmodel_server.payloads.script_call import Target

_JSON: Headers = [(b"content-type", b"application/json")]


def error_body(status: int, message: str) -> bytes:
    """The body of every error answer of the protocol."""
    return orjson.dumps({"error": message})


def read(model: str, body: bytes, headers: Headers, target: Target) -> DecodedRequest:
    """Decode a whole request, for the model of this name.

    Raises:
        BadRequestError
    """
    call, wanted = infer_request.decode(body, headers, target)
    return DecodedRequest(call, partial(encode, model, wanted))


def encode(model: str, wanted: WantedOutputs, outcome: Outcome, result: bytes, contract: Contract) -> EncodedAnswer:
    """A good answer.

    Raises:
        BadRequestError: the client wants what is not there.
    """
    return EncodedAnswer(*infer_answer.encode(result, contract.output, wanted, model, outcome.revision))


class InferRequest:
    """An infer request, decoded for the contract that it meets; header names are in lower case."""

    dialect = "open_inference"
    __slots__ = ("_body", "_headers", "_input_key", "_model", "contract", "encode")

    def __init__(self, model: str, headers: Headers, body: bytes, input_key: str) -> None:
        self._model = model
        self._headers = headers
        self._body = body
        self._input_key = input_key
        self.contract = Contract()
        self.encode: Encode

    @classmethod
    def of(cls, headers: Headers, body: bytes, settings: Settings) -> InferRequest:
        """For the model that serves."""
        return cls(settings.model_name, headers, body, settings.input_key)

    def cost(self, contract: Contract) -> Cost:
        """What decoding the body makes of it."""
        return infer_request.cost(self._body, self._headers, contract, MOST_ON_LOOP)

    def call(self, contract: Contract) -> Call:
        """The call of run() that it asks for.

        Raises:
            BadRequestError
        """
        call, wanted = infer_request.decode(self._body, self._headers, Target(contract, self._input_key))
        self.encode = partial(encode, self._model, wanted)
        self.contract = contract
        return call if contract.wants_headers or contract.mode == "http" else call._replace(headers=[])

    def answer(self, outcome: Outcome) -> tuple[int, bytes, Headers]:
        """Status, body and headers of the answer to a call that has ended; its body must be whole."""
        if outcome.status >= 400:
            return outcome.status, error_body(outcome.status, message_of(outcome.body)), _JSON
        try:
            return self.good_answer(self.encode(outcome, outcome.body, self.contract))
        except BadRequestError as error:
            return error.status, error_body(error.status, str(error)), _JSON

    @staticmethod
    def good_answer(made: EncodedAnswer) -> tuple[int, bytes, Headers]:
        """The same for a successful answer; it varies with Accept-Encoding, since the application compresses it."""
        return 200, made.body, [*made.headers, VARY]

    @staticmethod
    def refuse(status: int, message: str) -> tuple[bytes, Headers]:
        """Body and headers of an answer without a call of run()."""
        return error_body(status, message), _JSON
