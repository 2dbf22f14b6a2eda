"""What kubectl prints of a program in a pod, which may be anything."""

import sys

import pytest

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets.kind.kubectl import Kubectl


def printing(statements: str) -> Kubectl:
    """A Kubectl whose program runs Python statements instead."""
    kubectl = Kubectl(None, None)
    kubectl.command = [sys.executable, "-c", f"import sys; {statements}"]
    return kubectl


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert printing(r"sys.stdout.buffer.write(b'a\xff\n')").run("exec") == "a\ufffd\n"


def test_an_error_with_bytes_that_are_no_text_is_told() -> None:
    with pytest.raises(UserError) as refused:
        printing(r"sys.stderr.buffer.write(b'bad \xff'); sys.exit(1)").run("exec")
    assert refused.value.reason == reasons.KUBECTL_FAILED
    assert "bad \ufffd" in str(refused.value)
