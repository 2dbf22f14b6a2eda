"""A file of the user's keeps its link and its mode, and a new one follows the umask."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from localmodel.disk import user_file
from localmodel.disk.executable import Executable
from localmodel.imports import write

LACKING = "score.py:1 imports yaml, which no requirement brings; add pyyaml"


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    user_file.write(tmp_path / "made/score.py", b"")
    user_file.write(tmp_path / "made/run", Executable(b""))
    assert mode(tmp_path / "made/score.py") == 0o644 and mode(tmp_path / "made/run") == 0o755
    assert len([*(tmp_path / "made").iterdir()]) == 2


def test_nothing_is_left_of_what_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("old")
    with pytest.raises(ValueError, match="no more"), user_file.replacing(tmp_path / "score.py") as file:
        file.write(b"half")
        raise ValueError("no more")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_what_requirements_lack_is_written_where_their_link_leads(tmp_path: Path) -> None:
    shared = tmp_path / "shared.txt"
    shared.write_text("numpy\n")
    shared.chmod(0o664)
    link = tmp_path / "requirements.txt"
    link.symlink_to("shared.txt")
    assert write.write(link, LACKING) == ["pyyaml"]
    assert link.is_symlink() and shared.read_text() == "numpy\npyyaml\n" and mode(shared) == 0o664


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_end_as_those_before(tmp_path: Path, end: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes(f"numpy{end}pandas".encode())
    write.write(path, LACKING)
    assert path.read_bytes() == f"numpy{end}pandas{end}pyyaml{end}".encode()
