"""Checks of SageMaker's /ping and /invocations."""

from localmodel.conformance.check import Check, Subject


def _ping(subject: Subject) -> str:
    subject.server.get("/ping").expect(200)
    return ""


def _raw(subject: Subject) -> str:
    reply = subject.server.post("/invocations", subject.sample.body)
    if reply.status == 200:
        reply.json()
        return ""
    return f"refused: {reply.expect_error('message')}"[:200]


CHECKS = [
    Check("SageMaker: ping", _ping),
    Check("SageMaker: body as it is", _raw),
]
