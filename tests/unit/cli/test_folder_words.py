"""Messages in the words of who applied a folder."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from localmodel import reasons
from localmodel.cli.folder_words import FolderProgress, errors_in_words, in_words
from localmodel.errors import UserError


class Told:
    """A Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        yield lambda text: self.lines.append(f"{title}: {text}")

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("roll: spec.service.localPort changed", "roll: --port changed"),
        (
            "swap: spec.scoring changed: score.py; spec.env changed: T",
            "swap: code changed: score.py; --variable changed: T",
        ),
        ("spec.models[0]: model x is not in the store", "--model: model x is not in the store"),
        ("spec.environment.python: no Python 3.13", "Python: no Python 3.13"),
        ("rebuild: spec.environment changed: packages", "rebuild: environment changed: packages"),
        ("raise the timeout or spec.update.progressDeadlineSeconds", "raise --timeout"),
        ("spec.update.strategy is Roll", "spec.update.strategy is Roll"),
        ("spec.environmental", "spec.environmental"),
        ("spec.scoring.source.configMap: none", "spec.scoring.source.configMap: none"),
    ],
)
def test_fields_that_are_options_are_called_so(text: str, words: str) -> None:
    assert in_words(text) == words


def test_steps_notes_and_errors_are_told_so() -> None:
    told = Told()
    progress = FolderProgress(told)
    with progress.step("manifest") as done:
        done("churn")
    with progress.step("plan") as done:
        done("swap: spec.models changed: m")
    progress.note("spec.env[0]: x")
    assert told.lines == ["deployment: churn", "plan: swap: --model changed: m", "--variable: x"]
    with pytest.raises(UserError, match=r"^--port: held$") as error, errors_in_words():
        raise UserError(reasons.PORT_TAKEN, "spec.service.localPort: held")
    assert error.value.reason == reasons.PORT_TAKEN
