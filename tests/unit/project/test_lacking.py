"""What a folder's requirements lack: told in words of its files, and written where that is asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.project.folder import lacking

FIELD = "spec.environment.requirements"
MISSING = UserError(
    reasons.MODULE_MISSING,
    f"{FIELD}: score.py:1 imports yaml, which no requirement brings; add pyyaml; revision 1 serves",
)
MISNAMED = UserError(
    reasons.REQUIREMENTS_UNRESOLVABLE, f"{FIELD}[1]: sklearn is not a package that can be installed; write scikit-learn"
)


class Notes:
    """A Progress that keeps the notes and what came of the steps."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        yield lambda outcome: self.notes.append(f"{title}: {outcome}")

    def note(self, text: str) -> None:
        self.notes.append(text)


def said(error: UserError, environment: Path | None, root: Path | None) -> UserError:
    with pytest.raises(UserError) as raised, lacking.in_words_of(environment, root):
        raise error
    return raised.value


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "churn").mkdir()
    return Path("churn")


def test_the_file_that_is_not_there_is_told(folder: Path) -> None:
    assert str(said(MISSING, None, folder)) == (
        "there is no requirements.txt in churn: score.py:1 imports yaml, which no requirement brings; add pyyaml; "
        "revision 1 serves"
    )


def test_the_file_and_its_line_are_told(folder: Path) -> None:
    file = folder.absolute() / "requirements.txt"
    file.write_text("# of the model\nnumpy\nsklearn>=1.5\n")
    assert str(said(MISNAMED, file, folder)).startswith("churn/requirements.txt:3: sklearn is not a package")
    assert str(said(MISSING, file, folder)).startswith("churn/requirements.txt: score.py:1 imports yaml")


@pytest.mark.parametrize("name", ["environment.yml", "conda.yml"])
def test_only_a_file_of_requirements_is_written(folder: Path, name: str) -> None:
    file = folder / name
    file.write_text("dependencies: [python=3.11]\n")
    error = said(MISSING, file, folder)
    assert str(error).startswith(f"churn/{name}: score.py:1 imports yaml")
    assert not isinstance(error, lacking.LackingError)


def test_what_is_not_read_from_the_folder_is_not_written() -> None:
    assert said(MISSING, None, None) is MISSING
    stored = UserError(MISSING.reason, str(MISSING).replace(FIELD, "spec.environment.ref: environment shared:1"))
    assert said(stored, None, Path()) is stored
    other = UserError(reasons.REQUIREMENTS_UNRESOLVABLE, f"{FIELD}: no version of six fits")
    assert said(other, None, Path()) is other


def test_all_that_comes_to_light_is_written_and_then_it_goes_on(folder: Path) -> None:
    file = folder / "requirements.txt"
    file.write_text("numpy\nsklearn>=1.5\n")
    errors, notes = [MISNAMED, MISSING], Notes()

    def act(progress: Progress) -> str:
        progress.note("kept from before: --port 6789")
        with progress.step("script") as done:
            done("score.py")
        with lacking.in_words_of(file, folder):
            if errors:
                raise errors.pop(0)
        return "serves"

    assert lacking.mended(act, True, notes) == "serves"
    assert file.read_text() == "numpy\nscikit-learn>=1.5\npyyaml\n"
    assert notes.notes == [
        "kept from before: --port 6789",
        "script: score.py",
        "written into churn/requirements.txt: scikit-learn>=1.5",
        "written into churn/requirements.txt: pyyaml",
    ]


def test_what_stays_wrong_however_much_is_written_is_told(folder: Path) -> None:
    def act(progress: Progress) -> None:
        with lacking.in_words_of(None, folder):
            raise MISSING

    with pytest.raises(UserError, match="add pyyaml"):
        lacking.mended(act, True, Notes())
    (folder / "requirements.txt").unlink()
    with pytest.raises(UserError, match=r"add pyyaml; .*; --write writes it into churn/requirements.txt"):
        lacking.mended(act, False, Notes())
    assert not (folder / "requirements.txt").exists()


def test_a_file_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "requirements.txt").mkdir()
    with pytest.raises(UserError, match=r"churn/requirements.txt cannot be written"):
        lacking.mended(lambda progress: _raise(folder), True, Notes())


def _raise(folder: Path) -> None:
    with lacking.in_words_of(None, folder):
        raise MISSING
