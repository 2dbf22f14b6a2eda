"""The edits that are measured."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from updating.project import PACKAGES, Wanted


@dataclass(frozen=True)
class Case:
    """A kind of edit, made with a new number each time, for at most `rounds`. A rollback undoes an edit of the code."""

    name: str
    edit: Callable[[Wanted, int], Wanted]
    rounds: int = 1000

    @property
    def is_rollback(self) -> bool:
        return self.name == "rollback"


def _model(size: int) -> Callable[[Wanted, int], Wanted]:
    return lambda wanted, number: replace(wanted, model=number, model_bytes=size)


def code_edit(wanted: Wanted, number: int) -> Wanted:
    return replace(wanted, code=number)


CASES = (
    Case("code-edit", code_edit),
    Case("variable", lambda wanted, number: replace(wanted, variable=number)),
    Case("rollback", code_edit),
    Case("model-1mb", _model(1 << 20)),
    Case("package", lambda wanted, _: replace(wanted, packages=wanted.packages + 1), len(PACKAGES)),
    Case("model-100mb", _model(100 << 20)),
)
# Consecutive edits with our way only, each as soon as every pod answers with the previous one.
HUNDRED = "hundred"
