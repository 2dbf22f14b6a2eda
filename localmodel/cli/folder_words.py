"""The fields of a manifest in the words of who applied a folder, and has no manifest: options of lmd apply."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from localmodel.errors import UserError
from localmodel.output import progress as progress_
from localmodel.output.progress import Progress
from localmodel.resource import annotations
from localmodel.targets.target import Target

if TYPE_CHECKING:
    from localmodel.project.project import Project


_WORDS = {
    "spec.environment.requirements": "requirements",
    "spec.environment.python": "Python",
    "spec.environment.ref": "--env",
    "spec.environment": "environment",
    "spec.service.localPort": "--port",
    "spec.env": "--variable",
    "spec.capture": "[capture]",
    "spec.update.replay": "[replay]",
    "spec.models": "--model",
    "spec.scoring.entryScript": "--entry-script",
    "spec.scoring.source.code": "code",
    "spec.scoring": "code",
    "spec.update.progressDeadlineSeconds": "--timeout",
}
_FIELD = re.compile("(" + "|".join(map(re.escape, sorted(_WORDS, key=len, reverse=True))) + r")(?:\[\d+\])?(?![\w.])")
# A step of every deployment, with its name.
_MANIFEST = "manifest"


def in_words(text: str) -> str:
    """The text, with a manifest's fields replaced by options if there are any."""
    text = text.replace("raise the timeout or spec.update.progressDeadlineSeconds", "raise --timeout")
    return _FIELD.sub(lambda match: _WORDS[match[1]], text)


def of(target: Target, name: str) -> Callable[[str], str]:
    """The function that rewrites texts about the deployment if it was applied from a folder."""
    try:
        manifest = target.manifests(name).deployment
    except UserError:
        return str
    return in_words if annotations.annotation(manifest, annotations.SOURCE) else str


@contextmanager
def errors_in_words() -> Iterator[None]:
    """A block whose errors are rewritten so."""
    try:
        yield
    except UserError as error:
        error.args = (in_words(str(error)),)
        raise


def error(project: "Project", error: UserError) -> UserError:
    """The error in these words, unless the project is a manifest."""
    if not project.place.is_manifest:
        error.args = (in_words(str(error)),)  # its class says how the command ends
    return error


def progress(project: "Project", inner: Progress) -> Progress:
    """The progress in these words, unless the project is a manifest."""
    return inner if project.place.is_manifest else FolderProgress(inner)


class FolderProgress:
    """A `Progress` that passes rewritten texts to another one."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner

    def step(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        return self._step("deployment" if title == _MANIFEST else title)

    @contextmanager
    def _step(self, title: str) -> Iterator[Callable[[str], None]]:
        with self._inner.step(title) as done:
            yield lambda text: done(in_words(text))

    def note(self, text: str) -> None:
        self._inner.note(in_words(text))

    def now(self, text: str) -> None:
        progress_.now(self._inner, text)

    def check(self) -> None:
        progress_.check(self._inner)
