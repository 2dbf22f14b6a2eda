"""Edits that come faster than the operator can follow."""

from __future__ import annotations

from kube import Namespace, eventually
from load import Load, ask_often
from support import given


def test_only_the_last_of_many_edits_counts(namespace: Namespace, port: int) -> None:
    namespace.apply(given.lmd("app", port, given.inline(given.script("first"))))
    namespace.wait_ready("app")
    with Load(port):
        for number in range(10):
            namespace.apply(given.lmd("app", port, given.inline(given.script(f"edit {number}"))))
        namespace.wait_ready("app")
        assert ask_often(port) == ["edit 9"]


def test_edit_and_back_at_once(namespace: Namespace, port: int) -> None:
    namespace.apply(given.lmd("app", port, given.inline(given.script("A"))))
    namespace.wait_ready("app")
    with Load(port):
        for answer in ("B", "A"):
            namespace.apply(given.lmd("app", port, given.inline(given.script(answer))))
        namespace.wait_ready("app")
        assert ask_often(port) == ["A"]


def test_deleted_at_once_leaves_nothing(namespace: Namespace, port: int) -> None:
    namespace.apply(given.lmd("app", port, given.inline(given.script("A"))))
    namespace.kubectl("delete", "lmd", "app")

    def nothing_left() -> bool:
        return not namespace.find("lmd,deployments,services,controllerrevisions,pods")

    eventually(nothing_left, "no child left")
