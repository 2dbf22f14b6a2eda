"""What a script prints while it loads, in the deployment's log."""

from pathlib import Path

import pytest

from localmodel.targets.machine.rollout import log_tail
from localmodel.targets.machine.rollout.log_tail import LogTail


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "_SECONDS_BETWEEN_READS", 0.0)


def add(path: Path, text: str) -> None:
    with path.open("a") as log:
        log.write(text)


def test_only_what_has_come_since_and_nothing_of_the_server(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    add(path, "of the revision before\n")
    tail = LogTail(path)
    assert tail.last() == ""
    add(path, 'part 1\npart 2\n\n2026-11-29T13:24:44.866Z INFO worker 1 starts\n{"time":"2026","level":"INFO"}\n')
    assert tail.last() == "part 2"
    assert tail.last() == "part 2", "it stays"
    add(path, "part 3\n")
    assert tail.last() == "part 3"


def test_a_log_that_comes_later_or_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    tail = LogTail(path)
    assert tail.last() == ""
    add(path, "x" * 100 + "\n")
    assert tail.last() == "x" * 100
    path.write_text("anew\n")
    assert tail.last() == "anew"


def test_of_very_much_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    tail = LogTail(path)
    add(path, "a line\n" * 50_000 + "the last\n")
    assert tail.last() == "the last"
