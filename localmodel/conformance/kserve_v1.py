"""Checks of version 1 of KServe's protocol."""

from localmodel.conformance.check import Check, Subject
from localmodel.conformance.server import WrongAnswerError


def _alive(subject: Subject) -> str:
    subject.server.get("/kserve").expect(200).expect_key("status", "alive")
    subject.server.get("/kserve/v2/health/ready").expect(200).expect_key("ready", True)
    return ""


def _models(subject: Subject) -> str:
    models = subject.server.get("/v1/models").expect(200).object().get("models")
    if not isinstance(models, list) or subject.model not in models:
        raise WrongAnswerError(f"GET /v1/models: expected a list with {subject.model}")
    return ""


def _model_ready(subject: Subject) -> str:
    subject.server.get(f"/v1/models/{subject.model}").expect(200).expect_key("ready", True)
    return ""


def _predict(subject: Subject) -> str:
    path = f"/v1/models/{subject.model}:predict"
    return subject.server.post(path, {"instances": subject.sample.instances}).predictions("error")


def _predict_inputs(subject: Subject) -> str:
    path = f"/v1/models/{subject.model}:predict"
    inputs = {tensor.name: tensor.nested() for tensor in subject.sample.tensors}
    return subject.server.post(path, {"inputs": inputs}).predictions("error")


def _predict_nothing(subject: Subject) -> str:
    subject.server.post(f"/v1/models/{subject.model}:predict", {}).expect(400).expect_error("error")
    return ""


def _other_model(subject: Subject) -> str:
    subject.server.post("/v1/models/no-such-model:predict", {"instances": []}).expect(404).expect_error("error")
    return ""


def _explain(subject: Subject) -> str:
    reply = subject.server.post(f"/v1/models/{subject.model}:explain", {"instances": subject.sample.instances})
    if reply.status != 200:
        reply.expect_error("error")
    return ""


CHECKS = [
    Check("v1: alive under /kserve", _alive),
    Check("v1: models", _models),
    Check("v1: model is ready", _model_ready),
    Check("v1: predict instances", _predict),
    Check("v1: predict inputs", _predict_inputs),
    Check("v1: predict nothing", _predict_nothing),
    Check("v1: unknown model", _other_model),
    Check("v1: explain is done or refused", _explain),
]
