"""How much memory is free, by what the kernel says."""

from __future__ import annotations

from pathlib import Path

from localmodel_server.workers.free_memory import room_for

MB = 1024 * 1024


def machine(root: Path, available_mb: int) -> None:
    path = root / "proc" / "meminfo"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"MemTotal:  8000000 kB\nMemFree: 1 kB\nMemAvailable: {available_mb * 1024} kB\n")


def group(folder: Path, **values: str | int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def test_a_machine_that_says_nothing_has_room(tmp_path: Path) -> None:
    assert room_for(1 << 50, tmp_path) is None


def test_the_machine(tmp_path: Path) -> None:
    machine(tmp_path, 100)
    assert room_for(100 * MB, tmp_path) is None
    assert room_for(101 * MB, tmp_path) == "101 MB of memory are needed, and 100 MB are free on this machine"


def test_the_container_in_version_2(tmp_path: Path) -> None:
    machine(tmp_path, 10_000)
    folder = tmp_path / "sys/fs/cgroup"
    group(folder, memory__max=512 * MB, memory__current=400 * MB, memory__stat=f"anon 1\ninactive_file {50 * MB}")
    assert room_for(162 * MB, tmp_path) is None
    text = "163 MB of memory are needed, and 162 MB are free under the container's limit"
    assert room_for(163 * MB, tmp_path) == text
    group(folder, memory__max="max")
    assert room_for(163 * MB, tmp_path) is None


def test_the_tightest_of_the_groups_around_a_process(tmp_path: Path) -> None:
    machine(tmp_path, 10_000)
    cgroup = tmp_path / "proc/self/cgroup"
    cgroup.parent.mkdir(parents=True, exist_ok=True)
    cgroup.write_text("0::/pod/container\n")
    pod = tmp_path / "sys/fs/cgroup/pod"
    group(pod / "container", memory__max="max", memory__current=1)
    group(pod, memory__max=10 * MB, memory__current=9 * MB)
    assert room_for(2 * MB, tmp_path) == "2 MB of memory are needed, and 1 MB are free under the container's limit"


def test_more_in_use_than_allowed(tmp_path: Path) -> None:
    group(tmp_path / "sys/fs/cgroup", memory__max=MB, memory__current=2 * MB)
    assert room_for(MB, tmp_path) == "1 MB of memory are needed, and 0 MB are free under the container's limit"


def test_the_container_in_version_1(tmp_path: Path) -> None:
    folder = tmp_path / "sys/fs/cgroup/memory"
    stat = f"inactive_file 5\ntotal_inactive_file {MB}"
    group(folder, memory__limit_in_bytes=4 * MB, memory__usage_in_bytes=3 * MB, memory__stat=stat)
    assert room_for(2 * MB, tmp_path) is None
    assert room_for(3 * MB, tmp_path) is not None
    group(folder, memory__limit_in_bytes=9223372036854771712)
    assert room_for(3 * MB, tmp_path) is None
