"""Escape sequences in tags of others, and in what scripts say and answer."""

import contextlib
import os
import pty
import subprocess
from pathlib import Path

from hostile_archives import Parcel
from support.lmd_command import LMD, Lmd, script

TAGS = (
    b'{"name": "m", "tags": {"k\\u001b[2J": "v\\u009b1m\\u202e[red]"}, "description": "d\\u001b]0;x\\u0007\\nsecond"}'
)


def on_a_terminal(lmd: Lmd, *arguments: str) -> bytes:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [LMD, *arguments],
        env={**os.environ, "LOCALMODEL_HOME": str(lmd.home)},
        cwd=lmd.folder,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # it has ended
        while piece := os.read(ours, 4096):
            said += piece
    os.close(ours)
    process.wait()
    return said


def test_tags_of_others(lmd: Lmd, tmp_path: Path) -> None:
    assert lmd("model", "import", Parcel(record=TAGS).file(tmp_path / "m.tar")).code == 0
    for arguments in (("list",), ("show", "m"), ("list", "-o", "json"), ("show", "m", "-o", "yaml")):
        result = lmd("model", *arguments)
        assert result.code == 0, result.err
        assert "2J" in result.out and "[red]" in result.out
        assert not set("\x1b\x9b\x07\u202e") & set(result.out), result.out
    assert len(lmd("model", "list").out.splitlines()) == 2


def test_scripts(lmd: Lmd) -> None:
    evil = "'\\x1b[2J\\x9b1m\\u202e[red]'"
    result = lmd.apply(script(f"print({evil}, flush=True) or {evil}"))
    assert result.code == 0, result.err
    assert lmd.ask().status == 200
    logs, invoked = lmd("logs", "digits"), lmd("invoke", "digits", "--data", "{}")
    assert "\x1b[2J" in logs.out, "into a file it is the log itself"
    for arguments in (("logs", "digits"), ("invoke", "digits", "--data", "{}")):
        said = on_a_terminal(lmd, *arguments)
        assert b"\x1b[2J" not in said and b"\\x1b[2J" in said.replace(b"\\u001b", b"\\x1b"), said
    assert "2J" in invoked.out
    failed = lmd.apply(f"def init():\n    raise ValueError({evil})\ndef run(x): ...\n")
    assert failed.code == 1
    for text in (failed.out + failed.err, lmd("status").out, lmd("status", "-o", "json").out, lmd("invoke", "x").err):
        assert not set("\x1b\x9b\u202e") & set(text), text
    assert "\\x1b[2J" in failed.err and "[red]" in failed.err
