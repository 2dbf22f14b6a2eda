"""A request on its way through the line to a worker and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

from localmodel_server.messages.call import Array, Call, Outcome
from localmodel_server.messages.contract import Contract

MakeCall = Callable[[Contract], Call]
Deliver = Callable[[Union[Outcome, Exception]], None]


class Job:
    """One request. deliver is called once, with its outcome or with why there is none.

    since and sent are times of the event loop. gone: the client has left; alone: never shares a frame; replayed: it is
    no client's, but a captured one that is asked again.
    """

    __slots__ = (
        *("alone", "call", "contract", "deliver", "gone", "make_call", "replayed", "request_id", "sent", "since"),
    )

    def __init__(
        self,
        request_id: str,
        make_call: MakeCall,
        contract: Contract,
        since: float,
        deliver: Deliver,
        replayed: bool = False,
    ) -> None:
        """Decode the request for a contract.

        Raises:
            BadRequestError
        """
        self.request_id = request_id
        self.make_call = make_call
        self.contract = contract
        self.call = make_call(contract)
        self.since = since
        self.sent = since
        self.deliver = deliver
        self.gone = False
        self.alone = self.replayed = replayed

    def fit(self, contract: Contract) -> None:
        """Decode again if the contract has changed since, because another revision serves.

        Raises:
            BadRequestError
        """
        if self.contract is not contract and self.contract != contract:
            self.call = self.make_call(contract)
        self.contract = contract

    def give_up(self) -> None:
        """The client has gone: keep the place in line, but drop the request's data."""
        self.gone = True
        self.make_call = _nothing
        self.call = _nothing(self.contract)

    @property
    def batch_key(self) -> object:
        """Jobs with the same key can share a frame; None: this one stays alone."""
        if self.alone or not (self.contract.rows or self.contract.run_batch):
            return None
        return self.call.batch_key

    @property
    def rows(self) -> int:
        """How many rows it adds to a batch."""
        return self.call.arrays[0].shape[0] if self.call.arrays and self.call.arrays[0].shape else 1


def _nothing(contract: Contract) -> Call:
    return Call("text", b"")


def encode(jobs: list[Job]) -> tuple[dict[str, Any], list[bytes]]:
    """The head and the body of the frame that asks a worker for these jobs."""
    call = jobs[0].call
    head: dict[str, Any] = {"kind": call.kind, "ids": [job.request_id for job in jobs]}
    pieces = [job.call.body for job in jobs]
    if call.kind == "arrays":
        head["arrays"] = _arrays(jobs)
        if len(jobs) > 1:
            head["rows"] = [job.rows for job in jobs]
    elif len(jobs) > 1:
        head["lengths"] = [len(piece) for piece in pieces]
    elif call.parsed:
        head["parsed"] = len(call.parsed)
        pieces.append(call.parsed)
    if jobs[0].replayed:
        head["replayed"] = True
    if call.headers:
        head["headers"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in call.headers]
    if call.kind == "http":
        head["method"], head["target"] = call.method, call.target
    return head, pieces


def _arrays(jobs: list[Job]) -> list[list[Any]]:
    if len(jobs) == 1:
        return [list(array) for array in jobs[0].call.arrays]
    first: Array = jobs[0].call.arrays[0]
    return [[first.name, first.dtype, [sum(job.rows for job in jobs), *first.shape[1:]]]]
