"""Checks of KServe's first protocol, and of MLflow's and SageMaker's /invocations."""

from typing import Any

from localmodel.conformance.check import Check, Subject
from localmodel.conformance.server import Reply, Wrong


def _alive(subject: Subject) -> str:
    subject.server.get("/kserve").expect(200).expect_key("status", "alive")
    subject.server.get("/kserve/v2/health/ready").expect(200).expect_key("ready", True)
    return ""


def _models(subject: Subject) -> str:
    models = subject.server.get("/v1/models").expect(200).object().get("models")
    if not isinstance(models, list) or subject.model not in models:
        raise Wrong(f"GET /v1/models: expected a list with {subject.model}")
    return ""


def _model_ready(subject: Subject) -> str:
    subject.server.get(f"/v1/models/{subject.model}").expect(200).expect_key("ready", True)
    return ""


def _predict(subject: Subject) -> str:
    path = f"/v1/models/{subject.model}:predict"
    return _predictions(subject.server.post(path, {"instances": subject.sample.instances}), "error")


def _predict_inputs(subject: Subject) -> str:
    path = f"/v1/models/{subject.model}:predict"
    inputs = {tensor.name: tensor.nested() for tensor in subject.sample.tensors}
    return _predictions(subject.server.post(path, {"inputs": inputs}), "error")


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


def _ping(subject: Subject) -> str:
    subject.server.get("/ping").expect(200)
    return ""


def _raw(subject: Subject) -> str:
    reply = subject.server.post("/invocations", subject.sample.body)
    if reply.status == 200:
        reply.json()
        return ""
    return f"refused: {reply.expect_error('message')}"[:200]


def _form(key: str) -> Check:
    def run(subject: Subject) -> str:
        table = subject.sample.table
        forms: dict[str, Any] = {
            "dataframe_split": {"columns": list(table), "data": [[values[0] for values in table.values()]]},
            "dataframe_records": [{name: values[0] for name, values in table.items()}],
            "instances": subject.sample.instances,
            "inputs": {tensor.name: tensor.nested() for tensor in subject.sample.tensors},
        }
        return _predictions(subject.server.post("/invocations", {key: forms[key]}), "message")

    return Check(f"MLflow: {key}", run)


def _csv(subject: Subject) -> str:
    table = subject.sample.table
    text = ",".join(table) + "\n" + ",".join(str(values[0]) for values in table.values()) + "\n"
    reply = subject.server.request("POST", "/invocations", text.encode(), {"content-type": "text/csv"})
    return _predictions(reply, "message")


def _two_forms(subject: Subject) -> str:
    reply = subject.server.post("/invocations", {"instances": [[0]], "inputs": [[0]]})
    reply.expect(400).expect_error("message")
    return ""


def _other_type(subject: Subject) -> str:
    reply = subject.server.request("POST", "/invocations", b"0", {"content-type": "application/x-no-such-type"})
    if reply.status == 200:
        return "the script takes every type"
    reply.expect(415)
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
    *map(_form, ("dataframe_split", "dataframe_records", "instances", "inputs")),
    Check("MLflow: CSV", _csv),
    Check("MLflow: two forms at once", _two_forms),
    Check("MLflow: other content type", _other_type),
    Check("SageMaker: ping", _ping),
    Check("SageMaker: body as it is", _raw),
]


def _predictions(reply: Reply, error_key: str) -> str:
    """Check the form of an answer; that of an error, when the script does not like made-up values."""
    if reply.status != 200:
        return f"refused: {reply.expect_error(error_key)}"[:200]
    if "predictions" not in reply.object():
        raise Wrong(f"{reply.request}: expected predictions in the answer, got {reply.body[:200]!r}")
    return ""
