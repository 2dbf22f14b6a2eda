"""Completion as bash asks for it, and how quickly commands start."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.lmd_command import LMD, Lmd, script

# Where files are wanted, the script tells bash so, which only works inside of bash's own completion.
BASH = """
compopt() { echo "$@"; }
eval "$(lmd completion bash)"
COMP_WORDS=(%s)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_lmd_completion lmd
printf '%%s\\n' "${COMPREPLY[@]}"
"""


def complete(lmd: Lmd, line: str, **variables: str) -> list[str]:
    """What bash offers for the line; nothing may be written to standard error."""
    path = f"{Path(LMD).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "LOCALMODEL_HOME": str(lmd.home), **variables}
    words = " ".join(f"'{word}'" for word in line.split(" "))
    result = subprocess.run(
        ["bash", "-c", BASH % words], env=environment, cwd=lmd.folder, capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    return result.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is what is tested")
def test_bash_completes_commands_options_and_names(lmd: Lmd) -> None:
    assert {"run", "status", "try"} <= set(complete(lmd, "lmd "))
    assert complete(lmd, "lmd stat") == ["status"]
    assert "--target" in complete(lmd, "lmd status --ta")
    assert complete(lmd, "lmd status --target pro") == ["process"]
    assert complete(lmd, "lmd status dig") == [], "an empty home is no error"
    assert lmd.apply(script("1")).code == 0
    for command in ("status", "logs", "invoke", "delete", "debug", "reload", "wait"):
        assert complete(lmd, f"lmd {command} dig") == ["digits"], command
    assert complete(lmd, "lmd run tr") == ["-o", "default"], "files are bash's own work"


def test_names_of_models_and_environments_are_completed(lmd: Lmd) -> None:
    (lmd.folder / "weights.txt").write_text("1")
    assert lmd("model", "register", "weights.txt", "--name", "digits").code == 0
    from localmodel.resource.spec import EnvironmentSpec
    from localmodel.store import Store

    Store(lmd.home / "store").environments.register("small", EnvironmentSpec("3.11"))
    assert complete(lmd, "lmd run --env sm") == ["small"]


def test_a_cluster_that_does_not_answer_costs_little_and_says_nothing(lmd: Lmd, tmp_path: Path) -> None:
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.write_text("#!/bin/sh\necho gone >&2\nexec sleep 60\n")
    kubectl.chmod(0o755)
    started = time.monotonic()
    path = f"{Path(LMD).parent}:{kubectl.parent}:{os.environ['PATH']}"
    assert complete(lmd, "lmd status --target kind d", PATH=path) == []
    assert time.monotonic() - started < 40
    kubectl.write_text('#!/bin/sh\necho "$@" >>asked\necho digits other\n')
    assert complete(lmd, "lmd status --target kind --context here d", PATH=path) == ["digits"]
    assert "--context=here" in (lmd.folder / "asked").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(lmd: Lmd, shell: str) -> None:
    result = lmd("completion", shell)
    assert result.code == 0 and "_LMD_COMPLETE" in result.out and result.err == ""


@pytest.mark.parametrize("arguments", [["--version"], ["completion", "bash"], ["run", "--help"], ["status", "--help"]])
def test_commands_start_without_heavy_modules(lmd: Lmd, arguments: list[str]) -> None:
    code = "import sys; from localmodel.cli import main\ntry: main(sys.argv[1:])\nfinally: print(sorted(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=lmd.folder, check=True
    )
    loaded = result.stdout.splitlines()[-1]
    for module in ("jsonschema", "rich.console", "docker", "fastapi", "numpy", "kubernetes", "httpx", "oras"):
        assert f"'{module}'" not in loaded, module
