"""Requirements that a folder lacks or misnames: told in words of the file, which is written if the user wants that."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.imports import write
from localmodel.output.paths import from_here
from localmodel.output.progress import Progress
from localmodel.output.tries import Tries
from localmodel_untrusted.files import UnreadableError

T = TypeVar("T")

REQUIREMENTS = "requirements.txt"
_REASONS = (reasons.MODULE_MISSING, reasons.REQUIREMENTS_UNRESOLVABLE)
_FIELD = "spec.environment.requirements"
_STORED = "spec.environment.ref"
# Each time there may be more to be seen, as when a requirement could not be resolved before.
_MOST_TIMES = 4


class LackingError(UserError):
    """What the text says can be written into the requirements file `file`, which need not exist."""

    def __init__(self, error: UserError, text: str, file: Path) -> None:
        super().__init__(error.reason, text)
        self.file = file


@contextlib.contextmanager
def in_words_of(environment: Path | None, root: Path | None) -> Iterator[None]:
    """Let errors of the block name lines of the environment's file, and not a manifest's fields.

    `root` is the folder where a file would be read, if there is none; None where there can be none.

    Raises:
        LackingError: what an error says can be written.
    """
    from localmodel.environments.formats import files  # which reads the schema

    file = from_here(environment) if environment else None
    try:
        with files.told_of(file):
            yield
    except UserError as error:
        if root is None:
            raise
        raise _of_the_folder(error, file, root) from None


def _of_the_folder(error: UserError, environment: Path | None, root: Path) -> UserError:
    text = str(error)
    if error.reason not in _REASONS or _STORED in text or not write.says(text):
        return error
    if environment is None:
        return LackingError(error, text.replace(_FIELD, f"there is no {REQUIREMENTS} in {root}"), root / REQUIREMENTS)
    return LackingError(error, text, environment) if environment.suffix == ".txt" else error


def _written(error: LackingError) -> list[str]:
    try:
        return write.write(error.file, str(error))
    except (OSError, UnreadableError) as problem:
        raise UserError(error.reason, f"{error}; {error.file} cannot be written: {problem}") from None


def mended(act: Callable[[Progress], T], writes: bool, progress: Progress) -> T:
    """What `act` returns, after what it says is lacking has been written, if it `writes`.

    Raises:
        UserError: as `act`; an error that can be mended says how.
    """
    tries = Tries(progress)
    for _ in range(_MOST_TIMES):
        try:
            return act(tries)
        except LackingError as error:
            if not writes:
                raise UserError(error.reason, f"{error}; --write writes it into {error.file}") from None
            progress.note(f"written into {error.file}: {', '.join(_written(error))}")
            tries.again()
    return act(tries)
