"""What the command in a node makes of an archive with gaps, and of files that a pod's script has tampered with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from localmodel.engine import nodes

CTR = '#!/bin/sh\ncase "$*" in *import*) cat > "$ARCHIVE" ;; *) echo io.cri-containerd.image=managed ;; esac\n'
SETPRIV = '#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n'
BEFORE, FIRST, BETWEEN, SECOND, BEHIND = b"before", b"F" * 300_000, b"between", b"S" * 5000, b"behind"


class Filling:
    """A pod's folder, and the node's command with stubs of the programs that only a node has."""

    def __init__(self, folder: Path) -> None:
        self.pod, self.archive, self.programs = folder / "pod", folder / "archive", folder / "bin"
        (self.pod / "models").mkdir(parents=True)
        self.programs.mkdir()
        for name, text in {"ctr": CTR, "setpriv": SETPRIV}.items():
            (self.programs / name).write_text(text)
            (self.programs / name).chmod(0o755)
        (self.pod / "models" / "first").write_bytes(FIRST)
        (self.pod / "models" / "second").write_bytes(SECOND)

    def run(self, sent: bytes = BEFORE + BETWEEN + BEHIND) -> bytes:
        """What containerd is given."""
        gaps = [len(BEFORE), "models/first", len(FIRST), len(BETWEEN), "models/second", len(SECOND)]
        command = ["sh", "-c", nodes._LOAD, "sh", "name", str(self.pod), *map(str, gaps)]
        environment = {"PATH": f"{self.programs}:{os.environ['PATH']}", "ARCHIVE": str(self.archive)}
        subprocess.run(command, input=sent, env=environment, check=True, timeout=60)
        return self.archive.read_bytes()


@pytest.fixture(name="filling")
def given_filling(tmp_path: Path) -> Filling:
    return Filling(tmp_path)


def test_the_gaps_are_filled(filling: Filling) -> None:
    assert filling.run() == BEFORE + FIRST + BETWEEN + SECOND + BEHIND


@pytest.mark.parametrize("kind", ["shorter", "longer", "gone", "link", "pipe", "folder"])
def test_a_file_of_another_kind_or_size_moves_nothing_behind_it(filling: Filling, kind: str) -> None:
    file = filling.pod / "models" / "first"
    file.unlink()
    content = b""
    if kind == "shorter":
        content = b"short"
        file.write_bytes(content)
    elif kind == "longer":
        content = FIRST
        file.write_bytes(FIRST + b"more")
    elif kind == "link":
        file.symlink_to("second")
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    assert filling.run() == BEFORE + content.ljust(len(FIRST), b"\0") + BETWEEN + SECOND + BEHIND


@pytest.mark.parametrize("arrived", [0, 3, len(BEFORE), len(BEFORE) + 3])
def test_bytes_of_a_pod_stay_in_their_place_where_the_stream_was_cut(filling: Filling, arrived: int) -> None:
    sent = (BEFORE + BETWEEN)[:arrived].ljust(len(BEFORE + BETWEEN), b"\0")
    made = filling.run((BEFORE + BETWEEN)[:arrived])
    assert made == sent[: len(BEFORE)] + FIRST + sent[len(BEFORE) :] + SECOND
