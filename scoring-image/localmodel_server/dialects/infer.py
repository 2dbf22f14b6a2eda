"""One infer request of the Open Inference Protocol, without a web framework around it."""

from __future__ import annotations

import orjson

from localmodel_server.call import Call, Headers, Outcome
from localmodel_server.contract import Contract
from localmodel_server.dialects import infer_answer, infer_request
from localmodel_server.dialects.bad_request import BadRequest
from localmodel_server.dialects.infer_request import Wanted
from localmodel_server.dialects.json_text import message_of
from localmodel_server.dialects.script_call import Target
from localmodel_server.settings import Settings

_JSON: Headers = [(b"content-type", b"application/json")]


def error_body(status: int, message: str) -> bytes:
    """The body of every error answer of the protocol."""
    return orjson.dumps({"error": message})


class InferRequest:
    """Decoded for whatever contract it meets; headers have names in lower case."""

    dialect = "open_inference"
    __slots__ = ("_body", "_contract", "_headers", "_input_key", "_model", "_wanted")

    def __init__(self, model: str, headers: Headers, body: bytes, input_key: str) -> None:
        self._model = model
        self._headers = headers
        self._body = body
        self._input_key = input_key
        self._contract = Contract()
        self._wanted = Wanted(None, {}, False)

    @classmethod
    def of(cls, headers: Headers, body: bytes, settings: Settings) -> InferRequest:
        """For the model that serves."""
        return cls(settings.model_name, headers, body, settings.input_key)

    def call(self, contract: Contract) -> Call:
        """The call of run() that it asks for; raises BadRequest."""
        call, self._wanted = infer_request.decode(self._body, self._headers, Target(contract, self._input_key))
        self._contract = contract
        return call if contract.wants_headers or contract.mode == "http" else call._replace(headers=[])

    def answer(self, outcome: Outcome) -> tuple[int, bytes, Headers]:
        """Status, body and headers of the answer to a call that has ended; its body must be whole."""
        if outcome.status >= 400:
            return outcome.status, error_body(outcome.status, message_of(outcome.body)), _JSON
        try:
            body, headers = self.encode(outcome)
        except BadRequest as error:
            return error.status, error_body(error.status, str(error)), _JSON
        return 200, body, headers

    def encode(self, outcome: Outcome) -> tuple[bytes, Headers]:
        """Body and headers of a good answer; raises BadRequest when the client wants what is not there."""
        output = self._contract.output
        return infer_answer.encode(outcome.body, output, self._wanted, self._model, outcome.revision)

    @staticmethod
    def refuse(status: int, message: str) -> tuple[bytes, Headers]:
        """Body and headers of an answer without a call of run()."""
        return error_body(status, message), _JSON
