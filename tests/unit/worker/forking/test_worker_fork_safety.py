"""Which differences keep a process from being forked."""

from __future__ import annotations

from pathlib import Path

import pytest

from localmodel_worker.forking.environment_watch import Reads
from localmodel_worker.forking.fork_safety import changed, found_in, hidden_in, mapped_files, read_at_import


def reads(all_by: str = "", **names: str) -> Reads:
    found = Reads()
    found.names.update(names)
    found.all_by = all_by
    return found


def test_variables_that_came_went_or_changed() -> None:
    assert changed({"A": "1", "B": "2", "C": "3"}, {"A": "1", "B": "x", "D": ""}) == ["B", "C", "D"]
    assert changed({"A": "1"}, {"A": "1"}) == []


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "PYTHONPATH", "OMP_NUM_THREADS", "NEW_POOLS_THREADS", "TZ", "LANG", "LC_ALL", "HOME"]
)
def test_variables_that_count_from_the_start(name: str) -> None:
    assert read_at_import(name, reads()) == "counts from the start of a process"


def test_variables_that_imports_have_read() -> None:
    assert read_at_import("LEVEL", reads(LEVEL="package")) == "is read when package is imported"
    assert read_at_import("LOCALMODEL_REVISION", reads(LOCALMODEL_REVISION="package")) is not None
    assert read_at_import("OTHER", reads(LEVEL="package")) is None


def test_who_reads_all_variables_is_not_after_those_of_the_revision() -> None:
    assert read_at_import("LEVEL", reads("dask")) == "may be read when dask is imported, which reads all"
    for name in ("AML_APP_ROOT", "AZUREML_MODEL_DIR", "LOCALMODEL_REVISION"):
        assert read_at_import(name, reads("dask")) is None


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"\0RAYON_NUM_CPUS\0", {"RAYON_NUM_CPUS"}),
        (b"MY_RAYON_NUM_CPUSRAYON_RS", {"RAYON_NUM_CPUS"}),  # Rust ends its strings with nothing
        (b"\0LEVEL\0", {"LEVEL"}),
        (b"LOG_LEVEL\0LEVELS\0", set()),
        (b"AML_APP_ROOT\0", set()),
        (b"", set()),
    ],
)
def test_names_in_a_library(tmp_path: Path, content: bytes, names: set[str]) -> None:
    library = tmp_path / "lib.so"
    library.write_bytes(b"\x7fELF" + content)
    wanted = ["RAYON_NUM_CPUS", "LEVEL", "AML_APP_ROOT"]
    assert found_in([str(library)], wanted) == dict.fromkeys(names, str(library))


def test_a_name_across_two_pieces_of_a_library(tmp_path: Path) -> None:
    library = tmp_path / "lib.so"
    for before in range((1 << 20) - 8, (1 << 20) + 2):
        library.write_bytes(b"x" * before + b"THE_NAME" + b"x" * 10)
        assert found_in([str(library)], ["THE_NAME", "A_B"]) == {"THE_NAME": str(library)}


def test_a_library_that_is_gone_may_have_named_anything(tmp_path: Path) -> None:
    assert found_in([str(tmp_path / "gone.so")], ["A_NAME"]) == {"A_NAME": str(tmp_path / "gone.so")}


def test_files_with_code() -> None:
    maps = """\
55c0-55c1 r--p 00000000 fe:00 123   /usr/bin/python3.11
55c1-55c2 r-xp 00001000 fe:00 123   /usr/bin/python3.11
7f00-7f01 rw-p 00000000 00:00 0
7f01-7f02 r-xp 00000000 fe:00 124   /opt/with a space/lib.so
7f02-7f03 r--p 00000000 fe:00 125   /usr/share/locale
7ffe-7fff r-xp 00000000 00:00 0     [vdso]
"""
    assert mapped_files(maps) == ["/usr/bin/python3.11", "/opt/with a space/lib.so"]


def test_what_hides_a_package(tmp_path: Path) -> None:
    assert hidden_in(str(tmp_path), {"yaml", "numpy"}) is None
    for name in ("yaml.json", "yaml.txt", "score.py", "yamls.py"):
        (tmp_path / name).write_text("")
    assert hidden_in(str(tmp_path), {"yaml", "numpy"}) is None
    (tmp_path / "yaml.py").write_text("")
    assert hidden_in(str(tmp_path), {"yaml", "numpy"}) == "yaml.py"
    (tmp_path / "numpy").mkdir()
    assert hidden_in(str(tmp_path), {"numpy"}) == "numpy"
    assert hidden_in(str(tmp_path / "nowhere"), {"numpy"}) is None
