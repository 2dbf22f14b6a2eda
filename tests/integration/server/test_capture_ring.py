"""The files that captured requests are kept in: bounded, whole after a crash, and a full disk costs no request."""

from __future__ import annotations

import errno
import json
import os
import tracemalloc
from collections import Counter
from pathlib import Path
from threading import Event, Thread

import pytest

from localmodel_server.capture.exchange import Exchange
from localmodel_server.capture.ring import NEWER, OLDER, Ring
from localmodel_server.capture.writer import Writer
from localmodel_server.configuration.capture import CaptureSettings

EXCHANGE = Exchange(0.0, "id", ("1", ""), "azure", "POST", "/score", "", [], b'{"ssn": "1"}', 200, [], b"2", 1.0)


def lines(folder: Path) -> list[str]:
    paths = [folder / name for name in (OLDER, NEWER)]
    return [line for path in paths if path.exists() for line in path.read_text().splitlines()]


def filled(folder: Path, count: int, most_lines: int = 10, most: int = 1 << 20, rules: str = "") -> Ring:
    ring = Ring(folder, most_lines, most, rules)
    for number in range(count):
        assert ring.add(b"%06d\n" % number)
    return ring


@pytest.mark.parametrize("count", [1, 9, 10, 11, 25, 95])
def test_the_last_lines_are_there_and_not_many_more(tmp_path: Path, count: int) -> None:
    filled(tmp_path, count).close()
    kept = [int(line) for line in lines(tmp_path)]
    assert kept == list(range(count - len(kept), count))
    assert min(count, 10) <= len(kept) <= 20


def test_the_bytes_are_never_more_than_allowed(tmp_path: Path) -> None:
    ring = Ring(tmp_path, 1000, 100, "")
    for number in range(50):
        ring.add(b"%06d\n" % number)
        assert sum((tmp_path / name).stat().st_size for name in (NEWER, OLDER) if (tmp_path / name).exists()) <= 100
    assert not ring.add(b"0" * 51)
    ring.close()
    assert lines(tmp_path)[-1] == "000049"


def test_a_server_that_starts_again_goes_on(tmp_path: Path) -> None:
    filled(tmp_path, 3).close()
    filled(tmp_path, 4).close()
    assert lines(tmp_path) == ["000000", "000001", "000002", "000000", "000001", "000002", "000003"]


def test_what_a_killed_server_left_unfinished_is_removed(tmp_path: Path) -> None:
    filled(tmp_path, 2).close()
    with (tmp_path / NEWER).open("a") as file:
        file.write('{"torn')
    filled(tmp_path, 1).close()
    assert lines(tmp_path) == ["000000", "000001", "000000"]


def test_lines_that_were_written_under_other_rules_are_removed(tmp_path: Path) -> None:
    filled(tmp_path, 15).close()
    filled(tmp_path, 1, rules="$.ssn").close()
    assert lines(tmp_path) == ["000000"]


def test_the_files_are_not_read_as_a_whole_to_count_their_lines(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("")
    with (tmp_path / NEWER).open("wb") as file:
        for _ in range(3):
            file.write(b"0" * (3 << 20) + b"\n")
        file.write(b"torn" * (1 << 20))
    ring = Ring(tmp_path, 4, 1 << 30, "")
    tracemalloc.start()
    ring.open()
    assert tracemalloc.get_traced_memory()[1] < 6 << 20
    tracemalloc.stop()
    assert ring.add(b"fourth\n") and ring.add(b"fifth\n")
    ring.close()
    assert [path.read_bytes().count(b"\n") for path in (tmp_path / OLDER, tmp_path / NEWER)] == [4, 1]


def test_smaller_bounds_hold_at_once(tmp_path: Path) -> None:
    filled(tmp_path, 15).close()
    filled(tmp_path, 1, most=20).close()
    assert lines(tmp_path) == ["000000"]


def test_two_servers_with_other_rules_never_mix_their_lines(tmp_path: Path) -> None:
    old, new = (Ring(tmp_path, 10, 1 << 20, rules) for rules in ("", "$.ssn"))
    for ring, line in [(old, b"secret\n"), (new, b"hash\n"), (old, b"secret\n"), (old, b"secret\n"), (new, b"hash\n")]:
        assert ring.add(line)
    for ring in (old, new):
        ring.close()
    assert lines(tmp_path) == ["hash"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "rules").write_text("")
    (tmp_path / "other").write_text("other")
    (tmp_path / NEWER).symlink_to("other")
    with pytest.raises(OSError):
        Ring(tmp_path, 10, 1 << 20, "").add(b"line\n")
    assert (tmp_path / "other").read_text() == "other"


def test_only_the_user_may_read_it(tmp_path: Path) -> None:
    filled(tmp_path / "capture", 1).close()
    assert (tmp_path / "capture").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "capture" / NEWER).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_somebody_removes_is_made_again(tmp_path: Path) -> None:
    ring = filled(tmp_path / "capture", 2)
    for path in (tmp_path / "capture").iterdir():
        path.unlink()
    (tmp_path / "capture").rmdir()
    assert ring.add(b"first\n")
    ring.close()
    assert lines(tmp_path / "capture") == ["first"]


def test_two_servers_of_a_deployment_share_it(tmp_path: Path) -> None:
    first, second = (Ring(tmp_path, 10, 200, "") for _ in range(2))
    for number in range(50):
        assert (first if number % 2 else second).add(b"%06d\n" % number)
        assert sum((tmp_path / name).stat().st_size for name in (NEWER, OLDER) if (tmp_path / name).exists()) <= 200
    for ring in (first, second):
        ring.close()
    assert all(len(line) == 6 for line in lines(tmp_path))
    assert {"000048", "000049"} <= set(lines(tmp_path))


def test_a_full_disk_leaves_no_half_line_and_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("localmodel_server.capture.writer._MOST_AT_ONCE", 1)
    settings, results = CaptureSettings(tmp_path / "capture", 100), Counter[str]()
    write, is_full = os.write, [False, True, True, False]

    def write_part(descriptor: int, content: bytes) -> int:
        if not is_full.pop(0):
            return write(descriptor, content)
        write(descriptor, content[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("localmodel_server.capture.ring.os.write", write_part)
    writer = Writer(lambda result: results.update([result]))
    for number in range(4):
        writer.put(settings, EXCHANGE._replace(request_id=str(number)))
    writer.close()
    assert results == {"written": 2, "failed": 2}
    assert [json.loads(line)["id"] for line in lines(tmp_path / "capture")] == ["0", "3"]
    assert [record.getMessage() for record in caplog.records] == [
        f"requests are not captured: {tmp_path / 'capture'}: {os.strerror(errno.ENOSPC)}"
    ]


def test_what_comes_while_too_much_waits_is_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_SECONDS_BETWEEN_LOOKS", "_SECONDS_TO_END"):
        monkeypatch.setattr(f"localmodel_server.capture.writer.{name}", 60.0)
    settings, results = CaptureSettings(tmp_path, 100), Counter[str]()
    writer = Writer(lambda result: results.update([result]))
    # A head counts as much as a body.
    large = EXCHANGE._replace(body=b"0" * (1 << 19), answer=b"", headers=[(b"a", b"0" * ((1 << 19) - 100))])
    for _ in range(20):
        writer.put(settings, large)
    assert results == {"dropped": 4}
    writer.close()
    assert results == {"dropped": 4, "written": 16}


def test_what_comes_after_all_is_written_is_gathered_and_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localmodel_server.capture.writer._SECONDS_TO_GATHER", 60.0)
    settings, written = CaptureSettings(tmp_path, 100), list[int]()
    add = Ring.add

    def counted(ring: Ring, content: bytes, lines: int = 1) -> bool:
        written.append(lines)
        return add(ring, content, lines)

    monkeypatch.setattr(Ring, "add", counted)
    first = Event()
    writer = Writer(lambda result: first.set())
    writer.put(settings, EXCHANGE)
    assert first.wait(60)
    for _ in range(3):
        writer.put(settings, EXCHANGE)
    writer.close()
    assert written == [1, 3]


def test_redacting_more_removes_what_was_captured_before_any_other_request_comes(tmp_path: Path) -> None:
    results = Counter[str]()
    for settings in (CaptureSettings(tmp_path, 100), CaptureSettings(tmp_path, 100, redact=("$.ssn",))):
        writer = Writer(lambda result: results.update([result]))
        writer.follow(settings)
        if not settings.redact:
            writer.put(settings, EXCHANGE)
        writer.close()
    assert results == {"written": 1}
    assert lines(tmp_path) == []


def test_a_server_that_may_start_no_thread_answers_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    writer = Writer(lambda result: None)
    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        writer.put(CaptureSettings(tmp_path, 100), EXCHANGE)
    writer.put(CaptureSettings(tmp_path, 100), EXCHANGE)
    writer.close()
    assert len(lines(tmp_path)) == 2


def test_redacting_more_removes_what_was_captured_with_the_next_request(tmp_path: Path) -> None:
    results = Counter[str]()
    writer = Writer(lambda result: results.update([result]))
    writer.put(CaptureSettings(tmp_path, 100), EXCHANGE)
    writer.put(CaptureSettings(tmp_path, 100, redact=("$.ssn",)), EXCHANGE)
    writer.close()
    (kept,) = lines(tmp_path)
    assert json.loads(json.loads(kept)["body"])["ssn"].startswith("redacted:")
