"""Checks of MLflow's /invocations."""

from typing import Any

from localmodel.conformance.check import Check, Subject


def _form(key: str) -> Check:
    def run(subject: Subject) -> str:
        table = subject.sample.table
        forms: dict[str, Any] = {
            "dataframe_split": {"columns": list(table), "data": [[values[0] for values in table.values()]]},
            "dataframe_records": [{name: values[0] for name, values in table.items()}],
            "instances": subject.sample.instances,
            "inputs": {tensor.name: tensor.nested() for tensor in subject.sample.tensors},
        }
        return subject.server.post("/invocations", {key: forms[key]}).predictions("message")

    return Check(f"MLflow: {key}", run)


def _csv(subject: Subject) -> str:
    table = subject.sample.table
    text = ",".join(table) + "\n" + ",".join(str(values[0]) for values in table.values()) + "\n"
    reply = subject.server.request("POST", "/invocations", text.encode(), {"content-type": "text/csv"})
    return reply.predictions("message")


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
    *map(_form, ("dataframe_split", "dataframe_records", "instances", "inputs")),
    Check("MLflow: CSV", _csv),
    Check("MLflow: two forms at once", _two_forms),
    Check("MLflow: other content type", _other_type),
]
