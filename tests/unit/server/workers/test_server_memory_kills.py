"""Which workers the kernel has killed for lack of memory: what both versions of cgroups count."""

from __future__ import annotations

from pathlib import Path

import pytest

from localmodel_server.workers.memory_kills import MemoryKills

EVENTS = "low 0\nhigh 0\nmax 7\noom {0}\noom_kill {0}\noom_group_kill 0\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {0}\n"


@pytest.mark.parametrize(("file", "text"), [("memory.events", EVENTS), ("memory/memory.oom_control", CONTROL)])
def test_each_kill_is_told_once(tmp_path: Path, file: str, text: str) -> None:
    counter = tmp_path / "sys/fs/cgroup" / file
    counter.parent.mkdir(parents=True)
    counter.write_text(text.format(3))
    kills = MemoryKills(tmp_path)
    assert not kills.is_another(), "those before were of others"
    counter.write_text(text.format(5))
    assert [kills.is_another() for _ in range(3)] == [True, True, False]


def test_the_nearest_cgroup_counts(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/pod/container\n")
    for folder, count in (("pod/container", 1), ("pod", 9), ("", 9)):
        place = tmp_path / "sys/fs/cgroup" / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / "memory.events").write_text(EVENTS.format(count))
    kills = MemoryKills(tmp_path)
    (tmp_path / "sys/fs/cgroup/pod/memory.events").write_text(EVENTS.format(10))
    assert not kills.is_another()
    (tmp_path / "sys/fs/cgroup/pod/container/memory.events").write_text(EVENTS.format(2))
    assert kills.is_another()


def test_where_nothing_counts_nothing_was_killed(tmp_path: Path) -> None:
    assert not MemoryKills(tmp_path).is_another()
