"""Pipes in place of files: those of the shell are read, a named one, which nobody may write to, is not waited for.

And outputs that nothing can be written to.
"""

import os
import subprocess
from pathlib import Path

import pytest
from support.lmd_command import LMD, Lmd, script

from localmodel.oci import layers


@pytest.mark.parametrize(
    "command",
    [["model", "import"], ["apply", "-f"], ["try", "score.py"], ["env", "create", "x", "--requirements"]],
)
def test_a_named_pipe_is_refused(lmd: Lmd, command: list[str]) -> None:
    os.mkfifo(lmd.folder / "f.tar")
    (lmd.folder / "score.py").write_text(script("1"))
    result = lmd(*command, "f.tar")
    assert result.code == 1 and "it is not a file" in result.err


def test_a_pipe_of_the_shell_is_read(lmd: Lmd) -> None:
    manifest = lmd.manifest(script("json.loads(raw_data)"))
    line = f"{LMD} try -f <(sleep 0.1; cat {manifest}) <(echo 42)"
    shell = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, cwd=lmd.folder)
    assert shell.returncode == 0 and "42" in shell.stdout, shell.stderr


@pytest.mark.parametrize("command", [["status"], ["status", "-o", "json"], ["docs", "--help"]])
def test_without_a_standard_output_nothing_is_printed(lmd: Lmd, command: list[str]) -> None:
    line = f"{LMD} {' '.join(command)} >&-"
    shell = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert shell.returncode == 0 and "Traceback" not in shell.stderr


def test_an_output_that_is_full_is_no_fault_of_the_store(lmd: Lmd) -> None:
    result = subprocess.run(
        ["bash", "-c", f"{LMD} status -o json > /dev/full"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr == "error: the output cannot be written: No space left on device\n"


def test_what_was_there_before_stays_if_it_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, target = tmp_path / "a.tar", tmp_path / "model"
    archive.write_bytes(b"".join(layers.tar([layers.Entry("another/file", b"new")])))
    target.mkdir()
    (target / "mine").write_text("old")
    with pytest.raises(FileNotFoundError):
        layers.extract_into(archive, target)
    assert (target / "mine").read_text() == "old"
